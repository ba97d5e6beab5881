/** Wildcard patterns against a naive reference. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { GroupPattern } from '../../../../gateway/protocol/group-pattern.ts';

/** The definition, word by word, with backtracking. */
function matchesNaively(pattern: string, name: string): boolean {
  const first = pattern.charAt(0);
  if (first === '') return name === '';
  if (first === '?') {
    return name !== '' && !name.startsWith('.') && matchesNaively(pattern.slice(1), name.slice(1));
  }
  if (first === '*') {
    const rest = pattern.replace(/^\*+/, '');
    const crossesDots = pattern.startsWith('**');
    for (let length = 0; length <= name.length; length++) {
      if (!crossesDots && name.slice(0, length).includes('.')) return false;
      if (matchesNaively(rest, name.slice(length))) return true;
    }
    return false;
  }
  const literal = first === '\\' ? pattern.charAt(1) : first;
  const width = first === '\\' ? 2 : 1;
  return name.startsWith(literal) && matchesNaively(pattern.slice(width), name.slice(1));
}

const piece = fc.constantFrom('a', 'b', '.', '?', '*', '**', 'ab', '\\*', '\\?', '\\\\');

describe('group pattern', () => {
  const cases: readonly [pattern: string, name: string, doesMatch: boolean][] = [
    ['a', 'a', true],
    ['a', 'A', false],
    ['?', '.', false],
    ['?', '', false],
    ['room-?', 'room-1', true],
    ['room-?', 'room-12', false],
    ['*', '', true],
    ['*', 'abc', true],
    ['*', 'a.c', false],
    ['**', 'a.b.c', true],
    ['***', 'a.b.c', true],
    ['chat.*.in', 'chat.one.in', true],
    ['chat.*.in', 'chat.one.two.in', false],
    ['chat.**.in', 'chat.one.two.in', true],
    ['a*b*c', 'aXbYbZc', true],
    ['*.**', 'a.b.c', true],
    ['\\*', '*', true],
    ['\\*', 'a', false],
    ['\\\\', '\\', true],
    ['*a', 'aaab', false],
  ];
  for (const [pattern, name, doesMatch] of cases) {
    test(`${pattern}: ${doesMatch ? 'matches' : 'does not match'} ${JSON.stringify(name)}`, () => {
      assert.equal(GroupPattern.parse(pattern, 1024)?.matches(name), doesMatch);
    });
  }

  const invalid = ['', '\\', '\\a', 'a\\', '*?*?*?*?*?*', '**a**b**', '******', 'a'.repeat(1025)];
  for (const pattern of invalid) {
    test(`${pattern.slice(0, 12)}: is no pattern`, () => {
      assert.equal(GroupPattern.parse(pattern, 1024), undefined);
    });
  }

  test('matches: agrees with the definition', () => {
    const pattern = fc
      .array(piece, { maxLength: 8 })
      .map((pieces) => pieces.join(''))
      .filter((source) => GroupPattern.parse(source, 1024) !== undefined);
    const name = fc.string({ unit: fc.constantFrom('a', 'b', '.', '*', '\\', '?'), maxLength: 8 });
    fc.assert(
      fc.property(pattern, name, (source, name) => {
        const isMatch = GroupPattern.parse(source, 1024)?.matches(name);
        assert.equal(isMatch, matchesNaively(source, name));
      }),
      { numRuns: 5000 },
    );
  });

  test('matches: the longest pattern against the longest name ends', () => {
    const pattern = GroupPattern.parse(`${'*a'.repeat(5)}${'?'.repeat(1014)}`, 1024);
    assert.equal(pattern?.matches('a'.repeat(1024)), true);
    assert.equal(pattern.matches(`${'a'.repeat(1023)}.`), false);
  });
});
