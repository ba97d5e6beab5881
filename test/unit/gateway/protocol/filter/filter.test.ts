/** Filters by example: what is accepted and for whom it is true; what is refused in which words. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { compileFilter, FilterError } from '../../../../../gateway/protocol/filter/filter.ts';
import { subjectOf } from './filter-reference.ts';

const bounds = { lengthMax: 8192, depthMax: 100 };

const protocol = 'json.webpubsub.azure.v1';
const subjects = {
  ann: subjectOf({ connectionId: 'c1', userId: 'ann', protocol: null, groups: ['g1', 'G2'] }),
  bob: subjectOf({ connectionId: 'c2', userId: "O'B Ob ", protocol, groups: ['g1'] }),
  nobody: subjectOf({ connectionId: 'c3', userId: null, protocol, groups: [] }),
};

/** Expression and the subjects for which it is true. */
const accepted: readonly [string, string][] = [
  ['true', 'ann bob nobody'],
  ['false', ''],
  ['  TRUE\t\r\n', 'ann bob nobody'],
  // Strings compare exactly, names and words in any case.
  ["userId eq 'ann'", 'ann'],
  ["userId eq 'ANN'", ''],
  ["USERID EQ 'ann'", 'ann'],
  ["(userid)Ne'ann'", 'bob nobody'],
  ["userId eq 'O''B Ob '", 'bob'],
  ["'' eq userId", ''],
  ["'''' eq substring(userId, 1, 1)", 'bob'],
  ["connectionId ne 'c2'", 'ann nobody'],
  ["protocol eq 'json.webpubsub.azure.v1'", 'bob nobody'],
  // Null.
  ['userId eq null', 'nobody'],
  ['null ne userId', 'ann bob'],
  ['protocol eq null', 'ann'],
  ['null eq null', 'ann bob nobody'],
  ['length(userId) eq null', 'nobody'],
  ['length(userId) ge 0', 'ann bob'],
  ['length(userId) lt 0', ''],
  ['not (length(userId) gt 3)', 'ann nobody'],
  ['null gt 1', ''],
  ['1 le null', ''],
  ['userId gt null', ''],
  ['tolower(userId) eq null', 'nobody'],
  ['trim(null) eq null', 'ann bob nobody'],
  ['concat(userId, null) eq null', 'nobody'],
  ["concat(userId, 'x') eq 'x'", 'nobody'],
  ["concat('x', userId) eq 'xann'", 'ann'],
  ["indexof(userId, 'z') eq -1", 'ann bob nobody'],
  ["indexof('z', null) lt 0", 'ann bob nobody'],
  ["contains(userId, '')", 'ann bob'],
  ["not startswith(userId, 'a')", 'bob nobody'],
  ['endswith(connectionId, null)', ''],
  // Different types are never equal.
  ['userId eq 1', ''],
  ["'1' ne 1", 'ann bob nobody'],
  ['true eq 1', ''],
  // Groups, case-sensitively.
  ["'g1' in groups", 'ann bob'],
  ["'g2' in groups", ''],
  ["'G2' IN Groups", 'ann'],
  ["'g1' in (groups)", 'ann bob'],
  ["'g1' in ((groups))", 'ann bob'],
  ['userId in groups', ''],
  ['null in groups', ''],
  ['1 in groups', ''],
  ["not ('g1' in groups)", 'nobody'],
  ['length(groups) gt 1', 'ann'],
  ['length((groups)) le +1', 'bob nobody'],
  // Lists.
  ["userId in ('ann', 'bob')", 'ann'],
  ["userId in ('Doe, John', 'O''B Ob ')", 'bob'],
  ["userId in ('ann')", 'ann'],
  ["userId in ('ann', null)", 'ann nobody'],
  ["connectionId in (userId, concat('c', '1'))", 'ann'],
  ['length(userId) in (3, 6)', 'ann'],
  ["(length(groups) gt 0) in (userId eq 'ann', userId eq 'bob')", 'ann nobody'],
  // Functions.
  ["tolower(userId) eq 'o''b ob '", 'bob'],
  ["TOUPPER(userId) eq 'ANN'", 'ann'],
  ['length(trim(userId)) eq 6', 'bob'],
  ["substring(userId, 1) eq 'nn'", 'ann'],
  ["substring(userId, 1, 1) eq 'n'", 'ann'],
  ["substring(userId, 3) eq ''", 'ann'],
  ['substring(userId, 4) eq null', 'ann nobody'],
  ['substring(userId, 1, 3) eq null', 'ann nobody'],
  ['substring(connectionId, -1) eq null', 'ann bob nobody'],
  ['substring(connectionId, 0, -1) eq null', 'ann bob nobody'],
  ["substring(connectionId, length(groups)) eq '2'", 'bob'],
  ["substring(connectionId, length(groups)) eq ''", 'ann'],
  ["indexof(userId, 'n') eq 1", 'ann'],
  ["contains(userId, 'B O')", 'bob'],
  ["startswith(connectionId, 'c') and endswith(connectionId, '3')", 'nobody'],
  // Precedence: not, comparisons, and, or.
  ['true or true and false', 'ann bob nobody'],
  ['(true or true) and false', ''],
  ['false and true or true', 'ann bob nobody'],
  ['not true eq false', 'ann bob nobody'],
  ['not false and false', ''],
  ['not not true', 'ann bob nobody'],
  ["not(userId eq 'ann')and(true)", 'bob nobody'],
  ["userId eq 'ann' or connectionId eq 'c2' and not ('g1' in groups)", 'ann'],
  // Ints.
  ['2147483647 gt -2147483648', 'ann bob nobody'],
  ['-0 eq 0 and 007 eq 7', 'ann bob nobody'],
  ['-0 in (0)', 'ann bob nobody'],
  ['1 ge 1 and 1 le 1 and not (1 gt 1) and not (1 lt 1)', 'ann bob nobody'],
];

const at = (position: number, text: string): string =>
  `Invalid syntax for '${text}': Syntax error at position ${position} in '${text}'.` +
  " (Parameter 'filter')";
const type = (part: string, actual: string, expected: string): string =>
  `Invalid syntax for '${part}': Type '${actual}', expect '${expected}'. (Parameter 'filter')`;
const token = (part: string, name: string): string =>
  `Invalid syntax for '${part}': Token '${name}' is not supported. (Parameter 'filter')`;
const count = (part: string, detail: string): string =>
  `Invalid syntax for '${part}': Function ${detail}. (Parameter 'filter')`;

/** Expressions outside the grammar and the position in their error. */
const misspelt: readonly [string, number][] = [
  ['invalid filter', 14],
  ['', 0],
  ['   ', 3],
  ['true true', 9],
  ['true)', 5],
  ['(true', 5],
  ['((true)', 7],
  ['()', 2],
  ['userId eq', 9],
  ['userId eq and true', 13],
  ['eq true', 2],
  ['true and', 8],
  ['true or or true', 10],
  ['not', 3],
  ['true not true', 8],
  ['userId in', 9],
  ['userId in ()', 12],
  ["userId in ('a',)", 16],
  ["userId in ('a' 'b')", 18],
  ["userId in 'a','b'", 14],
  ['length(', 7],
  ['length(userId,) eq 1', 15],
  ['true(1)', 5],
  ["userId eq 'ann", 14],
  ["userId eq 'ann''", 16],
  ['userId == 1', 8],
  ['userId eq "ann"', 11],
  ['userId eq é', 11],
  ['1 eq 1 eq true', 9],
  ["'a' in groups in groups", 16],
  ['1eq 1', 3],
  ['1.5 gt 1', 2],
  ['- 1 lt 0', 1],
  ['--1 lt 0', 1],
  ['2147483648 gt 1', 10],
  ['1 gt -2147483649', 16],
  [`1 gt ${'9'.repeat(100)}`, 105],
  ['user.name eq 1', 5],
  ['userId/length eq 1', 7],
];

/** Expressions with other faults and their whole message. */
const refused: readonly [string, string][] = [
  // Azure's documented example: `not` binds tighter than `gt`.
  ['not length(userId) gt 5', type('not length(userId)', 'null', 'bool')],
  ["( not 'a' )", type("not 'a'", 'string', 'bool')],
  ["not 'g1' in groups", type("not 'g1'", 'string', 'bool')],
  ['not userId', type('not userId', 'string', 'bool')],
  ['not length(connectionId)', type('not length(connectionId)', 'int', 'bool')],
  ['not groups', type('not groups', 'collection', 'bool')],
  // The whole must be a bool.
  ['null', type('null', 'null', 'bool')],
  ['(userId)', type('userId', 'string', 'bool')],
  ['groups', type('groups', 'collection', 'bool')],
  ['1', type('1', 'int', 'bool')],
  ['tolower(userId)', type('tolower(userId)', 'null', 'bool')],
  ["concat(userId, 'a')", type("concat(userId, 'a')", 'string', 'bool')],
  // Every operand is checked, also behind one that decides.
  ["false and 'a'", type("false and 'a'", 'string', 'bool')],
  ['true or userId', type('true or userId', 'string', 'bool')],
  ['true or 1 gt true', type('1 gt true', 'bool', 'int')],
  ['true and true and 1 and false', type('true and true and 1', 'int', 'bool')],
  ['null or true or true', type('null or true', 'null', 'bool')],
  // Order is for ints.
  ['userId lt 1', type('userId lt 1', 'string', 'int')],
  ["1 ge 'a'", type("1 ge 'a'", 'string', 'int')],
  ["length(userId) gt 'a'", type("length(userId) gt 'a'", 'string', 'int')],
  ['tolower(userId) gt 1', type('tolower(userId) gt 1', 'string', 'int')],
  ['groups gt 1', type('groups gt 1', 'collection', 'int')],
  // Collections.
  ["groups eq 'a'", type("groups eq 'a'", 'collection', 'string')],
  ["'a' in userId", type("'a' in userId", 'string', 'collection')],
  ["'a' in null", type("'a' in null", 'null', 'collection')],
  ["groups in ('a')", type("groups in ('a')", 'collection', 'string')],
  ["'a' in ('b', groups)", type("'a' in ('b', groups)", 'collection', 'string')],
  // Arguments.
  ['tolower(1) eq null', type('tolower(1)', 'int', 'string')],
  ["startswith(groups, 'a')", type("startswith(groups, 'a')", 'collection', 'string')],
  ["contains('a', true)", type("contains('a', true)", 'bool', 'string')],
  ['length(true) eq 1', type('length(true)', 'bool', 'string')],
  ["substring('a', 'b') eq 'c'", type("substring('a', 'b')", 'string', 'int')],
  ["substring('a', 1, null) eq 'c'", type("substring('a', 1, null)", 'null', 'int')],
  ["substring('a', length(userId)) eq 'c'", type("substring('a', length(userId))", 'null', 'int')],
  ['length() eq 1', count('length()', "'length' has 0 arguments, expect 1")],
  ["contains('a')", count("contains('a')", "'contains' has 1 arguments, expect 2")],
  ["substring('a') eq 'a'", count("substring('a')", "'substring' has 1 arguments, expect 2 or 3")],
  // Unknown names; those of Object.prototype are as unknown as others.
  ['ab', token('ab', 'ab')],
  ['ab eq 1', token('ab eq 1', 'ab')],
  ['true and  (Ab  eq 1 )', token('Ab  eq 1', 'Ab')],
  ['not ab', token('not ab', 'ab')],
  ['true and ab', token('true and ab', 'ab')],
  ["user in ('user1','user2')", token("user in ('user1','user2')", 'user')],
  ['length(ab) eq 1', token('length(ab)', 'ab')],
  ["matches('a', 'b')", token("matches('a', 'b')", "matches('a', 'b')")],
  ['constructor eq 1', token('constructor eq 1', 'constructor')],
  ['toString() eq 1', token('toString()', 'toString()')],
];

function assertRefused(expression: string, message: string): void {
  assert.throws(
    () => compileFilter(expression, bounds),
    (error) => {
      assert.ok(error instanceof FilterError);
      assert.equal(error.message, message);
      assert.equal(error.code, 'bad-filter');
      return true;
    },
  );
}

describe('filter', () => {
  for (const [expression, names] of accepted) {
    test(`accepted: ${JSON.stringify(expression)} is true for [${names}]`, () => {
      const filter = compileFilter(expression, bounds);
      const matched = Object.entries(subjects).filter(([, subject]) => filter(subject));
      assert.equal(matched.map(([name]) => name).join(' '), names);
    });
  }

  for (const [expression, position] of misspelt) {
    test(`syntax error: ${JSON.stringify(expression)} at ${position}`, () => {
      assertRefused(expression, at(position, expression));
    });
  }

  for (const [expression, message] of refused) {
    test(`refused: ${JSON.stringify(expression)}`, () => {
      assertRefused(expression, message);
    });
  }

  test('groups: asked when the filter is evaluated, not when it is compiled', () => {
    const groups = new Set<string>();
    const filter = compileFilter("'g' in groups and length(groups) eq 1", bounds);
    const base = subjectOf({ connectionId: 'c', userId: null, protocol: null, groups: [] });
    const subject = {
      ...base,
      groupCount: () => groups.size,
      isInGroup: (name: string) => groups.has(name),
    };
    assert.equal(filter(subject), false);
    groups.add('g');
    assert.equal(filter(subject), true);
  });

  test('length: the bound itself is accepted, one character more is not', () => {
    const filter = `true${' '.repeat(60)}`;
    assert.equal(compileFilter(filter, { lengthMax: 64, depthMax: 4 })(subjects.ann), true);
    assert.throws(() => compileFilter(`${filter} `, { lengthMax: 64, depthMax: 4 }), {
      name: 'FilterError',
      message:
        `Invalid syntax for '${filter} ': Length 65, expect at most 64 characters.` +
        " (Parameter 'filter')",
    });
  });

  test('nesting: the bound itself is accepted, one level more is not', () => {
    const narrow = { lengthMax: 64, depthMax: 4 };
    assert.equal(compileFilter('not((not true))', narrow)(subjects.ann), true);
    assert.equal(compileFilter('((true)) and ((true)) and (((true)))', narrow)(subjects.ann), true);
    assert.throws(() => compileFilter('not((not(true)))', narrow), {
      name: 'FilterError',
      message:
        "Invalid syntax for 'not((not(true)))': Nesting at position 9 is 5 levels deep," +
        " expect at most 4. (Parameter 'filter')",
    });
  });

  test('message: a long expression is quoted in part', () => {
    const text = `${'true and '.repeat(500)}#`;
    assert.throws(
      () => compileFilter(text, bounds),
      (error) => {
        assert.ok(error instanceof FilterError);
        const quote = `${text.slice(0, 256)}…`;
        const where = `Syntax error at position 4501 in '${quote}'.`;
        assert.equal(error.message, `Invalid syntax for '${quote}': ${where} (Parameter 'filter')`);
        return true;
      },
    );
  });
});
