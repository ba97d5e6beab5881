/** Holds patterns of destinations to their three forms. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDestinationPattern } from '../../../../gateway/protocol/destination-pattern.ts';

test('parseDestinationPattern: all, users and groups', () => {
  assert.deepEqual(parseDestinationPattern('all'), { kind: 'all', pattern: undefined });
  const user = parseDestinationPattern('user:a:*');
  assert.equal(user?.kind, 'user');
  assert.equal(user.pattern?.matches('a:b'), true);
  assert.equal(user.pattern.matches('a'), false);
  assert.equal(parseDestinationPattern('group:room.*')?.kind, 'group');
});

test('parseDestinationPattern: anything else is none', () => {
  for (const text of ['', 'ALL', 'all:', 'user', 'users:*', 'group:', 'group:\\x', ':a', 'a:all']) {
    assert.equal(parseDestinationPattern(text), undefined, text);
  }
  assert.equal(parseDestinationPattern(`group:${'g'.repeat(1025)}`), undefined);
});
