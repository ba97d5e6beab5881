/**
 * Keeps the messages that this node holds for reliable connections within their bound: when they are
 * over it, the connections that hold the most end, and not those to which something comes just then.
 */
import type { Clock } from '../../clock.ts';
import type { KeptFrames } from './kept-frames.ts';

/** A connection that holds messages. */
export interface MessageHolder {
  /** False: its client is away. */
  readonly isAttached: boolean;
  /** About how many of the node's bytes are on its account. */
  heldBytes(): number;
  /** Ends the connection, and frees what it holds before it returns. */
  makeRoom(): void;
}

export interface RoomOptions {
  readonly frames: Pick<KeptFrames, 'bytes' | 'isFull' | 'bytesMax'>;
  readonly clock: Pick<Clock, 'monotonicMs' | 'after'>;
  readonly holders: () => Iterable<MessageHolder>;
}

/** All connections are looked at for it, so not more often than this, and for a tenth of the time. */
const periodMs = 100;
const timePart = 1 / 10;
/** The part of the bound that is made free, lest the next message is over it again. */
const freePart = 1 / 16;

export class Room {
  readonly #options: RoomOptions;
  #notBeforeMs = Number.NEGATIVE_INFINITY;
  #cancel: (() => void) | undefined;

  constructor(options: RoomOptions) {
    this.#options = options;
  }

  /** More is held than may be: room is made soon, outside of the call that has found it out. */
  onFull(): void {
    if (this.#cancel !== undefined) return;
    const { clock } = this.#options;
    const waitMs = Math.max(0, this.#notBeforeMs - clock.monotonicMs());
    this.#cancel = clock.after(waitMs, () => this.#make());
  }

  /** Nothing is held any more. */
  rest(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #make(): void {
    const { clock } = this.#options;
    const beganMs = clock.monotonicMs();
    this.#cancel = undefined;
    this.#endLargest();
    const endedMs = clock.monotonicMs();
    this.#notBeforeMs = endedMs + Math.max(periodMs, (endedMs - beganMs) / timePart);
  }

  #endLargest(): void {
    const { frames } = this.#options;
    // Clients may have acknowledged much meanwhile.
    if (!frames.isFull) return;
    const bytesWanted = frames.bytesMax * (1 - freePart);
    for (const holder of this.#inOrder()) {
      if (frames.bytes <= bytesWanted) return;
      holder.makeRoom();
    }
  }

  /** Clients that are away and hold more than the mean, then all others; the most bytes first. */
  #inOrder(): MessageHolder[] {
    const { frames, holders } = this.#options;
    const held = Array.from(holders(), (holder) => ({ holder, bytes: holder.heldBytes() }));
    const holding = held.filter(({ bytes }) => bytes > 0);
    const mean = frames.bytes / holding.length;
    const isFirst = holding.map(({ bytes, holder }) => !holder.isAttached && bytes > mean);
    const first = holding.filter((_, at) => isFirst[at]);
    const others = holding.filter((_, at) => isFirst[at] === false);
    for (const part of [first, others]) part.sort((a, b) => b.bytes - a.bytes);
    return [...first, ...others].map(({ holder }) => holder);
  }
}
