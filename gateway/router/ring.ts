/**
 * Recent publications of one target, kept while a member lags behind it. Bounded twice: by bytes of
 * its own, and by the budget that all rings of the node share. What does not fit any more is
 * dropped from the old end; what becomes of a member that still needed it is its target's policy.
 */
import type { MessagePlace } from '../protocol/model.ts';
import { costOf, type Backlog, type RingBudget } from './backlog.ts';
import type { Delivery } from './delivery.ts';

export class Ring implements Backlog {
  readonly #bytesMax: number;
  readonly #budget: RingBudget;
  #entries: (Delivery | undefined)[] = [];
  /** Dropped entries at the front of `#entries` that are not cut off yet. */
  #head = 0;
  /** Offset of the oldest entry. */
  #first: number;
  #bytes = 0;
  /** Place of the newest one that was dropped. */
  #droppedPlace: MessagePlace | undefined;

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

  get bytes(): number {
    return this.#bytes;
  }

  append(delivery: Delivery): void {
    this.#entries.push(delivery);
    this.#count(costOf(delivery));
    while (
      this.#head < this.#entries.length &&
      (this.#bytes > this.#bytesMax || this.#budget.bytes > this.#budget.bytesMax)
    ) {
      this.#dropOldest();
    }
  }

  nextFrom(offset: number): number | undefined {
    const next = Math.max(offset, this.#first);
    return next < this.#first + this.#entries.length - this.#head ? next : undefined;
  }

  at(offset: number): Delivery | undefined {
    return offset < this.#first ? undefined : this.#entries[this.#head + offset - this.#first];
  }

  placeBefore(offset: number): MessagePlace | undefined {
    return offset <= this.#first ? this.#droppedPlace : this.at(offset - 1)?.place;
  }

  clear(): void {
    this.#count(-this.#bytes);
    this.#entries = [];
    this.#head = 0;
  }

  #dropOldest(): void {
    const oldest = this.#entries[this.#head];
    if (oldest === undefined) return;
    this.#count(-costOf(oldest));
    this.#droppedPlace = oldest.place;
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
