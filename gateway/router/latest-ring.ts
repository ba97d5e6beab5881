/**
 * The newest publication of each key of one target, kept while a member lags behind it (policy
 * `latest`). A newer one takes the place of the older one of its key. Bounded like a `Ring`, in bytes
 * of its own and of the node; since every key costs bytes, its keys are bounded by that, too.
 */
import type { MessagePlace } from '../protocol/model.ts';
import { costOf, type Backlog, type RingBudget } from './backlog.ts';
import type { Delivery } from './delivery.ts';

export interface LatestRingOptions {
  /** Offset of the publication that will be appended first. */
  readonly first: number;
  /** Name of the metadata entry that holds the key; undefined: all publications have one key. */
  readonly keyName: string | undefined;
  readonly bytesMax: number;
  readonly budget: RingBudget;
}

interface Entry {
  readonly offset: number;
  readonly key: string;
  readonly bytes: number;
  /** Place of the publication before it. */
  readonly placeBefore: MessagePlace | undefined;
  /** undefined: dropped, and cut out of the list later. */
  delivery: Delivery | undefined;
}

/** Dropped entries that are tolerated in the list beside as many as there are kept ones. */
const droppedEntriesSlack = 16;

export class LatestRing implements Backlog {
  readonly #options: LatestRingOptions;
  readonly #byKey = new Map<string, Entry>();
  /** In the order of their offsets. */
  #entries: Entry[] = [];
  /** No kept entry is before this index. */
  #head = 0;
  #end: number;
  #bytes = 0;
  #newestPlace: MessagePlace | undefined;

  constructor(options: LatestRingOptions) {
    this.#options = options;
    this.#end = options.first;
  }

  get bytes(): number {
    return this.#bytes;
  }

  append(delivery: Delivery): void {
    const { budget, bytesMax, keyName } = this.#options;
    const key = keyOf(delivery, keyName);
    const older = this.#byKey.get(key);
    if (older !== undefined) this.#drop(older);
    const bytes = costOf(delivery) + key.length * 2;
    const placeBefore = this.#newestPlace;
    const entry: Entry = { offset: this.#end, key, bytes, placeBefore, delivery };
    this.#entries.push(entry);
    this.#byKey.set(key, entry);
    this.#count(bytes);
    this.#end += 1;
    this.#newestPlace = delivery.place;
    while (this.#byKey.size > 0 && (this.#bytes > bytesMax || budget.bytes > budget.bytesMax)) {
      this.#dropOldest();
    }
    this.#cutOut();
  }

  nextFrom(offset: number): number | undefined {
    let index = this.#indexFrom(offset);
    while (this.#entries[index] !== undefined && this.#entries[index]?.delivery === undefined) {
      index += 1;
    }
    return this.#entries[index]?.offset;
  }

  at(offset: number): Delivery | undefined {
    const entry = this.#entries[this.#indexFrom(offset)];
    return entry?.offset === offset ? entry.delivery : undefined;
  }

  placeBefore(offset: number): MessagePlace | undefined {
    if (offset === this.#end) return this.#newestPlace;
    const entry = this.#entries[this.#indexFrom(offset)];
    return entry?.offset === offset ? entry.placeBefore : undefined;
  }

  clear(): void {
    this.#count(-this.#bytes);
    this.#entries = [];
    this.#byKey.clear();
    this.#head = 0;
  }

  /** Index of the first entry, kept or dropped, with this offset or a later one. */
  #indexFrom(offset: number): number {
    let low = this.#head;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#entries[middle]?.offset ?? offset) < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #dropOldest(): void {
    while (this.#entries[this.#head]?.delivery === undefined) this.#head += 1;
    const oldest = this.#entries[this.#head];
    if (oldest !== undefined) this.#drop(oldest);
  }

  #drop(entry: Entry): void {
    entry.delivery = undefined;
    this.#byKey.delete(entry.key);
    this.#count(-entry.bytes);
  }

  /** Cuts when most are dropped: each entry is moved about once on average. */
  #cutOut(): void {
    if (this.#entries.length <= this.#byKey.size * 2 + droppedEntriesSlack) return;
    this.#entries = this.#entries.filter(({ delivery }) => delivery !== undefined);
    this.#head = 0;
  }

  #count(bytes: number): void {
    this.#bytes += bytes;
    this.#options.budget.bytes += bytes;
  }
}

/**
 * Publications for different receivers never replace each other: who is left out of the newer one
 * still gets the older one. The sender of one without echo knows it already.
 */
function keyOf(delivery: Delivery, keyName: string | undefined): string {
  const { excluded, filter, metadata } = delivery.envelope.extension ?? {};
  const value = keyName === undefined ? undefined : metadata?.[keyName];
  const isPlain = filter === undefined && excluded === undefined;
  if (isPlain) return value === undefined ? '' : `=${value}`;
  return JSON.stringify([value, filter, excluded]);
}
