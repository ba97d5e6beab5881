/**
 * The messages of one reliable connection that its client has not acknowledged, under contiguous
 * numbers. Acknowledgements are cumulative and drop from the old end.
 */
import type { Frame } from '../../protocol/codec.ts';
import type { KeptFrame, KeptFrames } from './kept-frames.ts';

export interface OutboxOptions {
  readonly frames: KeptFrames;
  readonly messagesMax: number;
  readonly bytesMax: number;
}

/** Messages looked at to find out how many are shared; the others are taken to be like them. */
const samplesMax = 64;

export class Outbox {
  readonly #options: OutboxOptions;
  #kept: (KeptFrame | undefined)[] = [];
  /** Dropped places at the front of `#kept` that are not cut off yet. */
  #head = 0;
  #first: number;
  #bytes = 0;

  /** @param first number of the message that will be appended first. */
  constructor(options: OutboxOptions, first = 1) {
    this.#options = options;
    this.#first = first;
  }

  /** Number of the oldest message held, or of the next one where none is. */
  get first(): number {
    return this.#first;
  }

  /** Number that the next message will have. */
  get next(): number {
    return this.#first + this.size;
  }

  get size(): number {
    return this.#kept.length - this.#head;
  }

  /** Bytes of the messages held, each counted in full. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Bytes of the messages held, of each only the part that falls to this outbox where several hold
   * it. An estimate where there are many, so that its cost is bounded.
   */
  sharedBytes(): number {
    const step = Math.ceil(this.size / samplesMax);
    let bytes = 0;
    let own = 0;
    for (let at = this.#head; at < this.#kept.length; at += step) {
      const kept = this.#kept[at];
      if (kept === undefined) continue;
      bytes += kept.bytes.length;
      own += kept.bytes.length / kept.holders;
    }
    return bytes === 0 ? 0 : (this.#bytes * own) / bytes;
  }

  /** Holds one more under the next number. False: it is over a bound; the outbox is of no use now. */
  append(frame: Frame): boolean {
    const { bytesMax, frames, messagesMax } = this.#options;
    const kept = frames.keep(frame);
    this.#kept.push(kept);
    this.#bytes += kept.bytes.length;
    return this.size <= messagesMax && this.#bytes <= bytesMax;
  }

  /** The message with this number; undefined: it was acknowledged, or is not there yet. */
  at(sequenceId: number): Frame | undefined {
    if (sequenceId < this.#first) return undefined;
    return this.#kept[this.#head + sequenceId - this.#first];
  }

  /** Drops everything up to this number; numbers that were never given away count as the last. */
  acknowledge(sequenceId: number): void {
    const end = Math.min(sequenceId + 1, this.next);
    while (this.#first < end) this.#dropOldest();
  }

  /** Drops everything. */
  clear(): void {
    this.acknowledge(this.next);
  }

  #dropOldest(): void {
    const oldest = this.#kept[this.#head];
    if (oldest === undefined) return;
    this.#bytes -= oldest.bytes.length;
    this.#options.frames.release(oldest);
    this.#kept[this.#head] = undefined;
    this.#head += 1;
    this.#first += 1;
    // Cut the front off when it is the larger half: each entry is moved at most once on average.
    if (this.#head * 2 > this.#kept.length) {
      this.#kept = this.#kept.slice(this.#head);
      this.#head = 0;
    }
  }
}
