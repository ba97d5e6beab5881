/** Reading what the nodes of a cluster say about its slots. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readAsk, readMoved, readSlotMap } from '../../../../backplanes/redis/slot-map.ts';

const asked = { host: 'asked', port: 1 };

describe('redis slot map', () => {
  test('slot map: ranges belong to the first node, and all nodes are known', () => {
    const map = readSlotMap(
      [
        [0, 99, ['a', 1, 'id'], ['b', 2, 'id']],
        [200, 300, [null, 3, 'id', []]],
      ],
      asked,
    );
    assert.deepEqual(
      [0, 99, 100, 200, 301].map((slot) => map.primaryOf(slot)),
      [
        { host: 'a', port: 1 },
        { host: 'a', port: 1 },
        undefined,
        { host: 'asked', port: 3 },
        undefined,
      ],
    );
    assert.deepEqual(map.nodes.length, 3);
  });

  test('slot map: what is no map has no nodes', () => {
    for (const reply of [undefined, 'OK', [], [1], [[1, 2]]]) {
      assert.deepEqual(readSlotMap(reply, asked).nodes, []);
    }
  });

  test('moved: slot and address are read, IPv6 included, and nothing else', () => {
    assert.deepEqual(readMoved('MOVED 3 10.0.0.1:7'), {
      slot: 3,
      primary: { host: '10.0.0.1', port: 7 },
    });
    assert.deepEqual(readMoved('MOVED 3 ::1:7')?.primary, { host: '::1', port: 7 });
    assert.equal(readMoved('MOVED 3 :7'), undefined);
    assert.equal(readMoved('ASK 3 a:7'), undefined);
  });

  test('asked: a slot on its way is read like one that has moved, and nothing else', () => {
    assert.deepEqual(readAsk('ASK 3 a:7'), { slot: 3, primary: { host: 'a', port: 7 } });
    assert.equal(readAsk('MOVED 3 a:7'), undefined);
  });
});
