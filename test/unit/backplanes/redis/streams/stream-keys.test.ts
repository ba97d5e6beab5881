/** Where streams lie. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ChannelNames } from '../../../../../backplanes/redis/channels.ts';
import { slotOf } from '../../../../../backplanes/redis/hash.ts';
import { StreamKeys } from '../../../../../backplanes/redis/streams/stream-keys.ts';

const keys = Array.from({ length: 2000 }, (_, index) => `u:chat:user-${index}`);
const awkward = ['', '{a}', 'a}b', '{p1}', '*', 'é \n'];

describe('redis stream keys', () => {
  test('stream keys: all of a stream is in the slot of its partition, whatever its key', () => {
    const channels = new ChannelNames('prefix', 16, '');
    const streams = new StreamKeys(channels);
    for (const key of [...keys, ...awkward]) {
      const partition = channels.partitionOf(key);
      const { pair, ids } = streams.of(key, partition);
      for (const name of [...pair, ...ids]) {
        // Redis hashes what is between the first { and the } that follows it.
        const tag = name.slice(name.indexOf('{') + 1, name.indexOf('}'));
        assert.equal(slotOf(tag), channels.slotOf(partition), name);
      }
      assert.equal(pair[0], channels.ofKey(key, partition), 'the name of its channel');
    }
  });

  test('stream keys: no two streams share a key, and ids are spread over many hashes', () => {
    for (const partitions of [0, 16]) {
      const channels = new ChannelNames('prefix', partitions, '');
      const streams = new StreamKeys(channels);
      const places = [...keys, ...awkward].map((key) => streams.of(key, channels.partitionOf(key)));
      const names = places.flatMap(({ pair }) => pair);
      assert.equal(new Set(names).size, names.length);
      const groups = new Set(places.map(({ ids }) => ids.join()));
      assert.ok(groups.size > 200 && groups.size <= 256, `${groups.size} groups of ids`);
      for (const { ids } of places) assert.equal(new Set(ids).size, 3);
    }
  });
});
