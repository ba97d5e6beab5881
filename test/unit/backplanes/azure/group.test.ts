/** Holds the choice of groups: all nodes of all versions must agree on it. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { groupOf } from '../../../../backplanes/azure/group.ts';

describe('group', () => {
  test('group: keys keep their shards from version to version', () => {
    const keys = ['a:chat', 'g:chat:room', 'u:chat:anna', 'g:chat:\u{1f600}', ''];
    assert.deepEqual(
      keys.map((key) => groupOf(key, 64)),
      ['s.21', 's.2', 's.61', 's.18', 's.1'],
    );
  });

  test('group: inboxes and the control key have their own, everything else a shard', () => {
    assert.equal(groupOf('n:0a1b2c', 64), 'k.n:0a1b2c');
    assert.equal(groupOf('x:', 64), 'k.x:');
    for (const key of ['n:a b', `n:${'a'.repeat(129)}`, 'g:n:a', 'nn:a', 'n']) {
      assert.match(groupOf(key, 64), /^s\.\d+$/, key);
    }
  });

  test('group: there are no more shards than asked for, and each is a name of the service', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme' }),
        fc.integer({ min: 1, max: 1024 }),
        (name, shards) => {
          const group = groupOf(`g:hub:${name}`, shards);
          assert.ok(Number(/^s\.(\d+)$/.exec(group)?.[1]) < shards, group);
        },
      ),
    );
  });

  test('group: keys that differ little spread over all shards', () => {
    const counts = new Map<string, number>();
    for (let index = 0; index < 6400; index += 1) {
      const group = groupOf(`g:chat:room${index}`, 64);
      counts.set(group, (counts.get(group) ?? 0) + 1);
    }
    assert.equal(counts.size, 64);
    // 100 each on average; five standard deviations are 50.
    for (const count of counts.values()) assert.ok(count > 50 && count < 150, `${count}`);
  });
});
