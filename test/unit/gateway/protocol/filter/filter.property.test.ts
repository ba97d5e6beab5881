/** Filters against the naive reference, against arbitrary text, and against deep nesting. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { compileFilter, FilterError } from '../../../../../gateway/protocol/filter/filter.ts';
import type { FilterBounds } from '../../../../../gateway/protocol/filter/filter.ts';
import { boolTrees, evaluate, persons, subjectOf, textTrees } from './filter-reference.ts';
import { spell, spellings } from './filter-spelling.ts';

const bounds: FilterBounds = { lengthMax: 65_536, depthMax: 500 };

const tokens =
  "userId groups 'a' 'a''b' ' 1 -7 99999999999 true null ( ) , and or not eq gt in length concat # é";

const tokenSoup = fc
  .array(fc.constantFrom(...tokens.split(' ')), { maxLength: 12 })
  .map((soup) => soup.join(' '));

/** Undefined: it compiled. Everything but a FilterError goes through. */
function refusal(expression: string): FilterError | undefined {
  try {
    compileFilter(expression, bounds);
    return undefined;
  } catch (error) {
    if (error instanceof FilterError) return error;
    throw error;
  }
}

function syntaxErrorPosition(expression: string): number | undefined {
  const match = /: Syntax error at position (\d+) in /u.exec(refusal(expression)?.message ?? '');
  return match === null ? undefined : Number(match[1]);
}

describe('filter properties', () => {
  test('compileFilter: agrees with the reference in every spelling', () => {
    fc.assert(
      fc.property(
        boolTrees,
        spellings,
        fc.array(persons, { minLength: 1, maxLength: 4 }),
        (tree, spelling, people) => {
          const filter = compileFilter(spell(tree, spelling), bounds);
          for (const person of people) {
            assert.equal(filter(subjectOf(person)), evaluate(tree, person));
          }
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('compileFilter: every string result equals the one of the reference', () => {
    fc.assert(
      fc.property(textTrees, spellings, persons, (tree, spelling, person) => {
        const value = evaluate(tree, person);
        if (typeof value === 'number' || typeof value === 'boolean') assert.fail('not a text');
        const isSame = { op: 'eq', left: tree, right: { op: 'literal', value } } as const;
        assert.equal(compileFilter(spell(isSame, spelling), bounds)(subjectOf(person)), true);
      }),
      { numRuns: 1000 },
    );
  });

  test('compileFilter: arbitrary text gives a filter that answers, or a FilterError', () => {
    const texts = fc.oneof(tokenSoup, fc.string({ unit: 'binary', maxLength: 60 }));
    fc.assert(
      fc.property(texts, persons, (text, person) => {
        if (refusal(text) !== undefined) return;
        assert.equal(typeof compileFilter(text, bounds)(subjectOf(person)), 'boolean');
      }),
      { numRuns: 3000 },
    );
  });

  test('syntax error: nothing behind its position can put the text right', () => {
    fc.assert(
      fc.property(tokenSoup, tokenSoup, (text, rest) => {
        const position = syntaxErrorPosition(text);
        if (position === undefined || position === text.length) return;
        const other = `${text.slice(0, position)} ${rest}`;
        assert.equal(syntaxErrorPosition(other), position, other);
      }),
      { numRuns: 3000 },
    );
  });

  test('nesting: beyond the bound is a FilterError, within it a filter, at any depth', () => {
    const nestings: readonly [string, string, string, number][] = [
      ['(', 'true', ')', 1],
      ['not ', 'true', '', 1],
      ['not(', 'true', ')', 2],
      ["('a' in groups or ", 'true', ')', 1],
      ['true in (', 'true', ')', 1],
      ['(true and false or not ', 'true eq true', ')', 2],
    ];
    const person = subjectOf({ connectionId: 'c', userId: null, protocol: null, groups: [] });
    const depths = fc.oneof(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 0, max: 4000 }));
    fc.assert(
      fc.property(
        fc.constantFrom(...nestings),
        depths,
        ([open, core, close, levelsEach], count) => {
          const text = open.repeat(count) + core + close.repeat(count);
          if (text.length > bounds.lengthMax) return;
          const error = refusal(text);
          const levels = count * levelsEach;
          assert.equal(error === undefined, levels <= bounds.depthMax, error?.message);
          if (error === undefined) compileFilter(text, bounds)(person);
          else assert.match(error.message, /: Nesting at position \d+ is 501 levels deep,/u);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('long chains: and, or and lists need no depth', () => {
    const person = subjectOf({ connectionId: 'c', userId: 'a', protocol: null, groups: [] });
    const flat: FilterBounds = { lengthMax: 65_536, depthMax: 1 };
    const ands = Array.from({ length: 7000 }, () => 'true').join(' and ');
    const ors = Array.from({ length: 7000 }, () => 'false').join(' or ');
    const items = Array.from({ length: 7000 }, (_, at) => `'${at}'`).join(',');
    for (const clause of ['not true', '(true)', "length('') eq 1", 'true in (true)']) {
      const clauses = Array.from({ length: 700 }, () => clause).join(' or ');
      assert.equal(compileFilter(clauses, flat)(person), clause.includes('(true)'));
    }
    assert.equal(compileFilter(ands, flat)(person), true);
    assert.equal(compileFilter(`${ands} and false`, flat)(person), false);
    assert.equal(compileFilter(ors, flat)(person), false);
    assert.equal(compileFilter(`${ors} or true`, flat)(person), true);
    assert.equal(compileFilter(`userId in (${items})`, flat)(person), false);
    assert.equal(compileFilter(`userId in (${items},'a')`, flat)(person), true);
    assert.equal(compileFilter(`userId in (${items},connectionId,'a')`, flat)(person), true);
  });
});
