/** Where a stream lies: its partition, and the keys that its functions are given. */
import type { ChannelNames } from '../channels.ts';
import { hashOf } from '../hash.ts';

/** Hashes of ids per server or cluster: each stays small, so that none is slow to expire. */
const idGroups = 256;
/** Hashes that one group writes in turns. */
const turns = 3;

export interface StreamPlace {
  readonly partition: number;
  /** Where it ends; also the name of its channel, then its entries. One slot. */
  readonly pair: readonly [meta: string, entries: string];
  /** Where its ids are remembered, in the same slot. */
  readonly ids: readonly string[];
}

export class StreamKeys {
  readonly #channels: ChannelNames;
  readonly #groupsPerPartition: number;
  /** By partition and group; made when asked for. */
  readonly #ids = new Map<number, readonly string[]>();

  constructor(channels: ChannelNames) {
    this.#channels = channels;
    this.#groupsPerPartition = Math.ceil(idGroups / channels.partitions);
  }

  of(key: string, partition: number): StreamPlace {
    const channels = this.#channels;
    return {
      partition,
      pair: [channels.ofKey(key, partition), channels.ofEntries(key, partition)],
      ids: this.#idsOf(key, partition),
    };
  }

  #idsOf(key: string, partition: number): readonly string[] {
    // The upper half of the hash: the lower one has chosen the partition.
    const group = (hashOf(key) >>> 16) % this.#groupsPerPartition;
    const at = partition * this.#groupsPerPartition + group;
    let ids = this.#ids.get(at);
    if (ids === undefined) {
      ids = Array.from({ length: turns }, (_, turn) =>
        this.#channels.ofIds(partition, group, turn),
      );
      this.#ids.set(at, ids);
    }
    return ids;
  }
}
