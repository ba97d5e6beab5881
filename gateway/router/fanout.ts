/**
 * Writes the publications of one turn of the event loop to the members of their targets: each frame
 * encoded once per encoder, each connection written once. The loop allocates nothing per member,
 * decides exclusions on the way, and learns from each write whether the member keeps up.
 */
import type { Clock } from '../clock.ts';
import type { Frame } from '../protocol/codec.ts';
import type { Congestion } from './congestion.ts';
import type { Delivery } from './delivery.ts';
import type { LocalSubscriber } from './local-subscriber.ts';
import { Ring, type RingBudget } from './ring.ts';
import { sliceFrames } from './slices.ts';
import { Target } from './target.ts';

export interface FanoutOptions {
  readonly clock: Pick<Clock, 'afterTurn' | 'wallSeconds'>;
  readonly congestion: Congestion;
  readonly ringBytesMax: number;
  readonly ringBudget: RingBudget;
}

interface Collected {
  readonly delivery: Delivery;
  /** Whose members get it, or the one connection that does. */
  readonly to: Target | LocalSubscriber;
}

/** Publications after which a turn is flushed without waiting for its end. */
const turnLengthMax = 4096;
/** Frames collected for connections after which they are written, to bound the batches' memory. */
const batchedFramesMax = 65_536;

export class Fanout {
  readonly #options: FanoutOptions;
  #turn: Collected[] = [];
  /** True while all publications of the turn are for one target and for all of its members. */
  #isUniform = true;
  readonly #dirty: LocalSubscriber[] = [];
  /** Frames per dirty connection; the arrays are used again in later turns. */
  readonly #batches: Frame[][] = [];
  #batchedFrames = 0;
  /** Frames handed to sockets, since the start. */
  deliveries = 0;
  /** Writes (each at most one system call) that carried them. */
  writes = 0;
  /** Publications whose time to live ended before they could be delivered. */
  expired = 0;

  constructor(options: FanoutOptions) {
    this.#options = options;
  }

  /** Takes a publication into the turn. It is written when the turn ends. */
  collect(delivery: Delivery, to: Target | LocalSubscriber): void {
    const turn = this.#turn;
    if (turn.length === 0) this.#options.clock.afterTurn(() => this.flush());
    else if (turn.length >= turnLengthMax) this.flush();
    const first = this.#turn[0];
    this.#isUniform &&= delivery.isForAll && (first === undefined || first.to === to);
    this.#turn.push({ delivery, to });
  }

  /** Writes what was collected. */
  flush(): void {
    const turn = this.#turn;
    const first = turn[0];
    if (first === undefined) return;
    this.#turn = [];
    const isUniform = this.#isUniform;
    this.#isUniform = true;
    const due = this.#withoutExpired(turn);
    if (due.length === 0) return;
    if (isUniform && first.to instanceof Target) {
      this.#writeToMembers(first.to, due);
    } else {
      for (const { delivery, to } of due) this.#batch(delivery, to);
      this.#writeBatches();
    }
  }

  /** One target, everybody gets everything: the same list of frames to each member. */
  #writeToMembers(target: Target, turn: readonly Collected[]): void {
    for (const { delivery } of turn) this.#record(target, delivery);
    const lists: (readonly Frame[])[][] = [];
    const { members } = target;
    // From the end: a write may close the member's socket and so remove the member (Target.remove).
    for (let index = members.length - 1; index >= 0; index -= 1) {
      const subscriber = members[index]?.subscriber;
      if (subscriber === undefined || subscriber.isCongested) continue;
      const slices = (lists[subscriber.encoderIndex] ??= sliceFrames(
        turn.map(({ delivery }) => frameFor(delivery, subscriber)),
      ));
      this.#write(subscriber, slices);
    }
  }

  #batch(delivery: Delivery, to: Target | LocalSubscriber): void {
    if (!(to instanceof Target)) {
      if (!delivery.isFor(to)) return;
      if (to.isCongested) this.#record(this.#options.congestion.directTarget(to), delivery);
      else this.#addToBatch(delivery, to);
      return;
    }
    this.#record(to, delivery);
    for (const { subscriber } of to.members) {
      if (!subscriber.isCongested && delivery.isFor(subscriber)) {
        this.#addToBatch(delivery, subscriber);
      }
    }
    // Only between two publications: a member that congests here has been given all so far.
    if (this.#batchedFrames > batchedFramesMax) this.#writeBatches();
  }

  #addToBatch(delivery: Delivery, subscriber: LocalSubscriber): void {
    if (!subscriber.isAttached) return;
    if (subscriber.batchIndex < 0) {
      subscriber.batchIndex = this.#dirty.length;
      this.#dirty.push(subscriber);
    }
    const batch = (this.#batches[subscriber.batchIndex] ??= []);
    batch.push(frameFor(delivery, subscriber));
    this.#batchedFrames += 1;
  }

  #writeBatches(): void {
    const dirty = this.#dirty;
    for (let index = 0; index < dirty.length; index += 1) {
      const subscriber = dirty[index];
      const batch = this.#batches[index];
      if (subscriber === undefined || batch === undefined) continue;
      subscriber.batchIndex = -1;
      this.#write(subscriber, sliceFrames(batch));
      batch.length = 0;
    }
    dirty.length = 0;
    this.#batchedFrames = 0;
  }

  /** Writes slice by slice as long as the socket takes all; the rest waits for its drain. */
  #write(subscriber: LocalSubscriber, slices: readonly (readonly Frame[])[]): void {
    for (let index = 0; index < slices.length; index += 1) {
      const slice = slices[index] ?? [];
      this.writes += 1;
      this.deliveries += slice.length;
      const buffered = subscriber.socket.write(slice);
      if (buffered === 0) continue;
      if (buffered > 0) {
        this.#options.congestion.begin(subscriber, slices.slice(index + 1).flat());
      }
      return;
    }
  }

  #record(target: Target, delivery: Delivery): void {
    if (target.laggards > 0) {
      const { ringBytesMax, ringBudget } = this.#options;
      target.ring ??= new Ring(target.offset, ringBytesMax, ringBudget);
      target.ring.append(delivery.retained());
    }
    target.offset += 1;
  }

  #withoutExpired(turn: readonly Collected[]): readonly Collected[] {
    const nowSeconds = this.#options.clock.wallSeconds();
    if (!turn.some(({ delivery }) => delivery.hasExpired(nowSeconds))) return turn;
    const due = turn.filter(({ delivery }) => !delivery.hasExpired(nowSeconds));
    this.expired += turn.length - due.length;
    return due;
  }
}

function frameFor(delivery: Delivery, subscriber: LocalSubscriber): Frame {
  return delivery.frame(subscriber.codec.encoder, subscriber.encoderIndex);
}
