/**
 * Recent publications of one target, kept while a member lags behind it. Bounded twice: by bytes of
 * its own, and by the budget that all rings of the node share. What does not fit any more is
 * dropped from the old end; a member that still needed it has fallen behind for good.
 */
import type { Delivery } from './delivery.ts';

/** Bytes that all rings of a node may hold together. */
export class RingBudget {
  readonly bytesMax: number;
  bytes = 0;

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }
}

/** What an entry costs beside its envelope: objects, and the frame made for the first encoding. */
const entryOverheadBytes = 256;
const copiesPerEntry = 2;

export class Ring {
  readonly #bytesMax: number;
  readonly #budget: RingBudget;
  #entries: (Delivery | undefined)[] = [];
  /** Dropped entries at the front of `#entries` that are not cut off yet. */
  #head = 0;
  /** Offset of the oldest entry. */
  #first: number;
  #bytes = 0;

  /** @param first offset of the publication that will be appended first. */
  constructor(first: number, bytesMax: number, budget: RingBudget) {
    this.#first = first;
    this.#bytesMax = bytesMax;
    this.#budget = budget;
  }

  /** Offset of the oldest publication kept; a cursor below it has lost something. */
  get first(): number {
    return this.#first;
  }

  /** Its share of the budget. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Keeps one more, which owns its bytes; drops from the old end what is over a bound then. */
  append(delivery: Delivery): void {
    this.#entries.push(delivery);
    this.#count(cost(delivery));
    while (
      this.#head < this.#entries.length &&
      (this.#bytes > this.#bytesMax || this.#budget.bytes > this.#budget.bytesMax)
    ) {
      this.#dropOldest();
    }
  }

  /** The publication with this offset; undefined when it was dropped or is not there yet. */
  at(offset: number): Delivery | undefined {
    return offset < this.#first ? undefined : this.#entries[this.#head + offset - this.#first];
  }

  /** Drops everything. The ring is not used after this. */
  clear(): void {
    this.#count(-this.#bytes);
    this.#entries = [];
    this.#head = 0;
  }

  #dropOldest(): void {
    const oldest = this.#entries[this.#head];
    if (oldest === undefined) return;
    this.#count(-cost(oldest));
    // What is not counted any more must not be held until the front is cut off.
    this.#entries[this.#head] = undefined;
    this.#head += 1;
    this.#first += 1;
    // Cut the front off when it is the larger half: each entry is moved at most once on average.
    if (this.#head * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head);
      this.#head = 0;
    }
  }

  #count(bytes: number): void {
    this.#bytes += bytes;
    this.#budget.bytes += bytes;
  }
}

function cost(delivery: Delivery): number {
  return delivery.envelope.byteLength * copiesPerEntry + entryOverheadBytes;
}
