/**
 * How keys become names of channels and of what is stored. Keys are data: they are never a pattern, and the hash tag of a
 * cluster comes before them, so that no key can choose its slot.
 */
import { hashOf, slotOf } from './hash.ts';

export class ChannelNames {
  readonly #prefix: string;
  readonly #canary: string;
  /** Text between the prefix and the key, by partition. */
  readonly #tags: readonly string[];
  readonly #slots: readonly number[];

  /**
   * @param partitions how many, each with a hash tag; 0: one partition without a tag.
   * @param nonce unique per start of a node: canaries of nodes must not meet.
   */
  constructor(prefix: string, partitions: number, nonce: string) {
    this.#prefix = prefix;
    this.#canary = nonce;
    const names = Array.from({ length: partitions }, (_, index) => `p${index}`);
    this.#tags = partitions === 0 ? [''] : names.map((name) => `{${name}}`);
    this.#slots = names.map((name) => slotOf(name));
  }

  get partitions(): number {
    return this.#tags.length;
  }

  /** The partition of a key of a cluster. */
  partitionOf(key: string): number {
    return hashOf(key) % this.#tags.length;
  }

  /** The cluster's slot of a partition. */
  slotOf(partition: number): number {
    return this.#slots[partition] ?? 0;
  }

  /** The letter after prefix and tag keeps canaries and keys apart, whatever the key. */
  ofKey(key: string, partition: number): string {
    return `${this.#begin(partition)}:${key}`;
  }

  ofCanary(partition: number): string {
    return `${this.#begin(partition)}!${this.#canary}`;
  }

  /** Where the entries of a stream are. */
  ofEntries(key: string, partition: number): string {
    return `${this.#begin(partition)}#${key}`;
  }

  /** Where a group of streams remembers ids, in turns. */
  ofIds(partition: number, group: number, turn: number): string {
    return `${this.#begin(partition)}~${group}.${turn}`;
  }

  #begin(partition: number): string {
    return `${this.#prefix}${this.#tags[partition] ?? ''}`;
  }
}
