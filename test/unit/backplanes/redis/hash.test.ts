/** Hashes that nodes must compute alike. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { ChannelNames } from '../../../../backplanes/redis/channels.ts';
import { HashRing, hashOf, slotOf } from '../../../../backplanes/redis/hash.ts';

const keys = Array.from({ length: 20_000 }, (_, index) => `u:chat:user ${index}`);

function countsOf(numbers: readonly number[], size: number): number[] {
  const counts = Array.from({ length: size }, () => 0);
  for (const each of numbers) counts[each] = (counts[each] ?? 0) + 1;
  return counts;
}

describe('redis hashes', () => {
  test('slot: it is the one that the cluster specification gives', () => {
    // CRC16 of "123456789" is 0x31c3; foo and bar are the slots that CLUSTER KEYSLOT says.
    assert.deepEqual(
      ['123456789', 'foo', 'bar'].map((tag) => slotOf(tag)),
      [0x31c3, 12_182, 5061],
    );
  });

  test('hash: it never changes, for nodes of several versions share a broker', () => {
    assert.deepEqual(
      ['', 'a', 'g:chat:room'].map((text) => hashOf(text)),
      [2872998923, 444641715, 1272854964],
    );
  });

  test('hash: similar keys spread evenly over the partitions', () => {
    const names = new ChannelNames('x', 256, '');
    const counts = countsOf(
      keys.map((key) => names.partitionOf(key)),
      256,
    );
    assert.ok(Math.max(...counts) < 2 * (keys.length / 256), `${Math.max(...counts)}`);
    assert.ok(Math.min(...counts) > 0);
  });

  test('ring: the order of the servers does not matter', () => {
    const [one, other] = [new HashRing(['a', 'b', 'c']), new HashRing(['c', 'a', 'b'])];
    for (const key of keys.slice(0, 2000)) {
      assert.equal(['a', 'b', 'c'][one.serverOf(key)], ['c', 'a', 'b'][other.serverOf(key)]);
    }
  });

  test('ring: one more server takes keys from the others and moves none between them', () => {
    const [few, more] = [new HashRing(['a', 'b', 'c']), new HashRing(['a', 'b', 'c', 'd'])];
    const moved = keys.filter((key) => few.serverOf(key) !== more.serverOf(key));
    assert.ok(moved.every((key) => more.serverOf(key) === 3));
    assert.ok(moved.length > keys.length / 8 && moved.length < keys.length / 2.5);
  });
});

describe('redis channel names', () => {
  test('channels: no two keys, and no key and canary, have the same name', () => {
    const text = fc.oneof(fc.string(), fc.constantFrom('!nonce', ':', '{p1}:x', 'trunkline:x'));
    fc.assert(
      fc.property(text, text, fc.constantFrom(0, 16), (one, other, partitions) => {
        const names = new ChannelNames('trunkline', partitions, 'nonce');
        const nameOf = (key: string): string => names.ofKey(key, names.partitionOf(key));
        assert.equal(nameOf(one) === nameOf(other), one === other);
        assert.notEqual(nameOf(one), names.ofCanary(names.partitionOf(one)));
      }),
    );
  });

  test('channels: a key with a hash tag cannot choose its slot', () => {
    const names = new ChannelNames('trunkline', 16, 'nonce');
    const name = names.ofKey('g:chat:{p3}', 5);
    assert.equal(/\{(.*?)\}/.exec(name)?.[1], 'p5');
    assert.equal(names.slotOf(5), slotOf('p5'));
  });
});
