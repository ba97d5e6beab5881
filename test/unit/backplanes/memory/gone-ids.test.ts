/** Which ids are remembered after their entries are gone, and for how long. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GoneIds, type GoneId } from '../../../../backplanes/memory/gone-ids.ts';

function goneAt(storedAtMs: number): GoneId {
  return { position: { epoch: 'e', offset: storedAtMs, tag: 1 }, prev: undefined, storedAtMs };
}

test('gone ids: the latest are remembered, and at most twice as many as the bound says', () => {
  const ids = new GoneIds({ idsMax: 10, ageMsMax: 1000 });
  for (let number = 0; number < 95; number += 1) {
    ids.add('key', String(number), goneAt(number));
    assert.ok(ids.size <= 20);
    const latest = Math.max(0, number - 9);
    for (let known = latest; known <= number; known += 1) {
      assert.equal(ids.find('key', String(known), 100)?.position.offset, known);
    }
  }
  assert.equal(ids.find('key', '0', 100), undefined);
});

test('gone ids: an id is known for its time, of its key only', () => {
  const ids = new GoneIds({ idsMax: 10, ageMsMax: 1000 });
  ids.add('a', 'bc', goneAt(50));
  assert.equal(ids.find('a', 'bc', 1049)?.storedAtMs, 50);
  assert.equal(ids.find('ab', 'c', 1049), undefined);
  assert.equal(ids.find('a', 'bc', 1050), undefined);
});

test('gone ids: sweeps forget what is over, and nothing that is not', () => {
  const ids = new GoneIds({ idsMax: 2, ageMsMax: 1000 });
  for (const ms of [10, 20, 500]) ids.add('key', String(ms), goneAt(ms));
  ids.sweep(1019);
  assert.equal(ids.size, 3);
  ids.sweep(1020);
  assert.deepEqual([ids.size, ids.find('key', '500', 1020)?.storedAtMs], [1, 500]);
  ids.sweep(1500);
  assert.equal(ids.size, 0);
});
