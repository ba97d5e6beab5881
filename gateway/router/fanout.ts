/**
 * Writes the publications of one turn of the event loop to the members of their targets: each frame
 * encoded once per encoder, each connection written once. The loop allocates nothing per member,
 * decides exclusions on the way, and learns from each write whether the member keeps up.
 */
import type { Clock } from '../clock.ts';
import type { Encoder, Frame } from '../protocol/codec.ts';
import type { Congestion } from './congestion.ts';
import type { Delivery } from './delivery.ts';
import type { LocalSubscriber } from './local-subscriber.ts';
import { createBacklog, type BacklogOptions } from './slow-policy.ts';
import { Target } from './target.ts';

export interface FanoutOptions extends BacklogOptions {
  readonly clock: Pick<Clock, 'afterTurn' | 'wallSeconds'>;
  readonly congestion: Congestion;
}

interface Collected {
  readonly delivery: Delivery;
  /** Whose members get it, or the one connection that does. */
  readonly to: Target | LocalSubscriber;
}

/**
 * Bytes of envelopes that are written in one go. A longer turn is written in several: beyond this a
 * larger write saves nothing, and a socket that takes none of it would cost that much memory.
 */
const goBytesMax = 64 * 1024;
/** Frames collected for connections after which they are written, to bound the batches' memory. */
const batchedFramesMax = 65_536;

export class Fanout {
  readonly #options: FanoutOptions;
  #turn: Collected[] = [];
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

  /**
   * Takes a publication into the turn. It is written when the turn ends: inside a callback of
   * uWebSockets.js another socket's cork is taken, and every frame would be a system call.
   */
  collect(delivery: Delivery, to: Target | LocalSubscriber): void {
    if (this.#turn.length === 0) this.#options.clock.afterTurn(() => this.flush());
    this.#turn.push({ delivery, to });
  }

  /** True: something was collected and is not written yet. */
  get isCollecting(): boolean {
    return this.#turn.length > 0;
  }

  /** Writes what was collected. */
  flush(): void {
    const turn = this.#turn;
    this.#turn = [];
    let start = 0;
    let bytes = 0;
    for (let index = 0; index < turn.length; index += 1) {
      bytes += turn[index]?.delivery.envelope.byteLength ?? 0;
      if (bytes >= goBytesMax || index === turn.length - 1) {
        this.#go(start === 0 && index === turn.length - 1 ? turn : turn.slice(start, index + 1));
        start = index + 1;
        bytes = 0;
      }
    }
  }

  #go(collected: readonly Collected[]): void {
    const due = this.#withoutExpired(collected);
    const target = commonTarget(due);
    if (target !== undefined) {
      this.#writeToMembers(target, due);
    } else {
      for (const { delivery, to } of due) this.#batch(delivery, to);
      this.#writeBatches();
    }
  }

  /** One target, everybody gets everything: the same list of frames to each member. */
  #writeToMembers(target: Target, due: readonly Collected[]): void {
    for (const { delivery } of due) this.#record(target, delivery);
    const lists: (readonly Frame[])[] = [];
    const { members } = target;
    // From the end: a write may close the member's socket and so remove the member (Target.remove).
    for (let at = members.length - 1; at >= 0; at -= 1) {
      const subscriber = members[at]?.subscriber;
      if (subscriber === undefined || subscriber.isCongested) continue;
      const { encoder } = subscriber.codec;
      const index = subscriber.encoderIndex;
      const frames = (lists[index] ??= packed(
        encoder,
        due.map(({ delivery }) => delivery.frame(encoder, index)),
      ));
      this.deliveries += due.length;
      this.#write(subscriber, frames);
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
      if (!subscriber.isCongested) this.#addToBatch(delivery, subscriber);
    }
    // Only between two publications: a member that congests here has been given all so far.
    if (this.#batchedFrames > batchedFramesMax) this.#writeBatches();
  }

  #addToBatch(delivery: Delivery, subscriber: LocalSubscriber): void {
    if (!subscriber.isAttached) return;
    const frame = delivery.frameFor(subscriber);
    if (frame === undefined) return;
    if (subscriber.batchIndex < 0) {
      subscriber.batchIndex = this.#dirty.length;
      this.#dirty.push(subscriber);
    }
    const batch = (this.#batches[subscriber.batchIndex] ??= []);
    batch.push(frame);
    this.#batchedFrames += 1;
  }

  #writeBatches(): void {
    const dirty = this.#dirty;
    for (let index = 0; index < dirty.length; index += 1) {
      const subscriber = dirty[index];
      const batch = this.#batches[index];
      if (subscriber === undefined || batch === undefined) continue;
      subscriber.batchIndex = -1;
      this.deliveries += batch.length;
      this.#write(subscriber, packed(subscriber.codec.encoder, batch));
      batch.length = 0;
    }
    dirty.length = 0;
    this.#batchedFrames = 0;
  }

  #write(subscriber: LocalSubscriber, frames: readonly Frame[]): void {
    this.writes += 1;
    if (subscriber.socket.write(frames) > 0) this.#options.congestion.begin(subscriber);
  }

  #record(target: Target, delivery: Delivery): void {
    if (target.laggards > 0) {
      target.ring ??= createBacklog(target, this.#options);
      target.ring.append(delivery.retained());
    }
    target.offset += 1;
  }

  #withoutExpired(turn: readonly Collected[]): readonly Collected[] {
    const nowSeconds = this.#options.clock.wallSeconds();
    if (!turn.some(({ delivery }) => delivery.hasExpired(nowSeconds))) return turn;
    return turn.filter(({ delivery }) => {
      if (!delivery.hasExpired(nowSeconds)) return true;
      this.expired += 1;
      delivery.end();
      // Members that follow positions are told that this one is not missing.
      return delivery.isPlaced;
    });
  }
}

/** Messages of one write as one frame, where the subprotocol has that. */
function packed(encoder: Encoder, frames: readonly Frame[]): readonly Frame[] {
  return frames.length > 1 && encoder.pack !== undefined ? [encoder.pack(frames)] : frames;
}

/** The target of all, when all of its members get all; undefined: it must be decided one by one. */
function commonTarget(collected: readonly Collected[]): Target | undefined {
  const to = collected[0]?.to;
  if (!(to instanceof Target)) return undefined;
  return collected.every((one) => one.to === to && one.delivery.isForAll) ? to : undefined;
}
