/**
 * Signs of life for all clients of our own subprotocols on this node: one timer goes around a wheel
 * of slots, each with its share of the connections.
 */
import type { Clock } from '../clock.ts';
import type { Encoder, Frame } from '../protocol/codec.ts';
import type { Subscriber } from '../router/ports.ts';
import type { SessionCounters } from './session-counters.ts';

export interface HeartbeatsOptions {
  readonly clock: Pick<Clock, 'every'>;
  /** What clients are promised: a heartbeat at least this often, in ms. */
  readonly periodMs: number;
  readonly counters: Pick<SessionCounters, 'heartbeats'>;
}

/** The wheel goes around in this part of the period: timers are late, and so is the network. */
const roundShare = 0.75;
/** More slots spread the work more evenly; a timer that fires more often than this costs more. */
const slotMsMin = 50;
const slotsMax = 128;

export class Heartbeats {
  /** What clients are promised: a heartbeat at least this often, in ms. */
  readonly periodMs: number;
  readonly #clock: Pick<Clock, 'every'>;
  readonly #counters: Pick<SessionCounters, 'heartbeats'>;
  readonly #slots: readonly Set<Subscriber>[];
  readonly #slotMs: number;
  /** Made once per encoder, so at most one for each subprotocol. */
  readonly #frames = new Map<Encoder, Frame | undefined>();
  #size = 0;
  /** The slot that gets the next connection. */
  #filling = 0;
  /** The slot whose turn is next. */
  #hand = 0;
  #stop: (() => void) | undefined;

  constructor({ clock, counters, periodMs }: HeartbeatsOptions) {
    this.periodMs = periodMs;
    this.#clock = clock;
    this.#counters = counters;
    const roundMs = periodMs * roundShare;
    const count = Math.min(slotsMax, Math.max(1, Math.floor(roundMs / slotMsMin)));
    this.#slots = Array.from({ length: count }, () => new Set<Subscriber>());
    this.#slotMs = roundMs / count;
  }

  /** From now on it gets heartbeats, until it is removed. Returns its slot, which `remove` needs. */
  add(subscriber: Subscriber): number {
    const slot = this.#filling;
    this.#filling = (slot + 1) % this.#slots.length;
    this.#slots[slot]?.add(subscriber);
    this.#size += 1;
    this.#stop ??= this.#clock.every(this.#slotMs, () => this.#beat());
    return slot;
  }

  /** Idempotent. */
  remove(subscriber: Subscriber, slot: number): void {
    if (this.#slots[slot]?.delete(subscriber) !== true) return;
    this.#size -= 1;
    if (this.#size > 0) return;
    this.#stop?.();
    this.#stop = undefined;
  }

  #beat(): void {
    const slot = this.#slots[this.#hand];
    this.#hand = (this.#hand + 1) % this.#slots.length;
    for (const subscriber of slot ?? []) {
      // What waits for a slow client is a sign of life itself, once the client gets to it.
      if (subscriber.socket.bufferedBytes() > 0) continue;
      const frame = this.#frameOf(subscriber.codec.encoder);
      if (frame === undefined) continue;
      subscriber.sendReply(frame);
      this.#counters.heartbeats += 1;
    }
  }

  #frameOf(encoder: Encoder): Frame | undefined {
    const known = this.#frames.get(encoder);
    if (known !== undefined || this.#frames.has(encoder)) return known;
    const frame = encoder.encodeReply({ kind: 'heartbeat' });
    this.#frames.set(encoder, frame);
    return frame;
  }
}
