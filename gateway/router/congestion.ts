/**
 * Members whose sockets take less than they are sent. A congested member is left out of the
 * fan-out; it costs a cursor per membership, and its targets keep what it will need. It goes on
 * from its cursors when its socket drained; where its targets have dropped what it needed, their
 * policies decide (slow-policy.ts). Who takes nothing for too long is closed in any case.
 */
import type { Clock } from '../clock.ts';
import { closeCodes } from '../protocol/close-codes.ts';
import type { Frame } from '../protocol/codec.ts';
import type { StreamPosition } from '../protocol/model.ts';
import type { LocalSubscriber } from './local-subscriber.ts';
import type { RouterCounters } from './router-counters.ts';
import {
  followsPositions,
  mayDrop,
  nextKept,
  policyCloses,
  policyToClose,
  positionBefore,
  type ClosingPolicy,
} from './slow-policy.ts';
import { ownDestination } from './streams/notices.ts';
import { Target, type Membership } from './target.ts';

export interface CongestionOptions {
  readonly clock: Pick<Clock, 'monotonicMs' | 'wallSeconds'>;
  /** Longest time in ms without a byte taken by the kernel. */
  readonly stalledMsMax: number;
  readonly counters: Pick<RouterCounters, 'slowDropped' | 'slowNotices' | 'slowCloses'>;
}

/** What a member gets next from one target. */
interface Slice {
  readonly frames: readonly Frame[];
  /** Publications before or between them that it does not get any more. */
  readonly dropped: number;
  /** Where the member follows positions: delivery goes on after this one. */
  readonly position: StreamPosition | undefined;
}

/** Bytes of frames written to a recovering member before its socket is asked again. */
const writeBytesMax = 64 * 1024;

export class Congestion {
  readonly #options: CongestionOptions;
  readonly #members = new Set<LocalSubscriber>();
  /** Who waits for the end of a member's congestion. */
  readonly #waiting = new Map<LocalSubscriber, (() => void)[]>();
  /** Members closed because they stalled, since the start. */
  stalledCount = 0;
  /** Frames given late, from rings, since the start. */
  lateDeliveries = 0;

  constructor(options: CongestionOptions) {
    this.#options = options;
  }

  /** Members congested now. */
  get size(): number {
    return this.#members.size;
  }

  /** The socket did not take everything: from now on targets keep what this member will need. */
  begin(subscriber: LocalSubscriber): void {
    // Detached members are nobody's any more: nothing would end what begins here.
    if (!subscriber.isAttached || subscriber.isCongested) return;
    subscriber.stalledSinceMs = this.#now();
    this.#members.add(subscriber);
    for (let at = subscriber.first; at !== undefined; at = at.next) this.track(at);
  }

  /** A membership of a congested member starts, at the present end of its target. */
  track(membership: Membership): void {
    membership.cursor = membership.target.offset;
    membership.target.laggards += 1;
  }

  /** A membership of a congested member ends. */
  untrack(membership: Membership): void {
    const { target } = membership;
    target.laggards -= 1;
    if (target.laggards === 0) {
      target.ring?.clear();
      target.ring = undefined;
    }
  }

  /** The target that keeps direct messages of a congested member; it ends with the congestion. */
  directTarget(subscriber: LocalSubscriber): Target {
    for (let at = subscriber.first; at !== undefined; at = at.next) {
      if (at.target.kind === 'connection') return at.target;
    }
    const target = new Target('', 'connection', subscriber.connectionId);
    const membership = target.add(subscriber);
    subscriber.link(membership);
    this.track(membership);
    return target;
  }

  /** Forgets a member that is gone. */
  forget(subscriber: LocalSubscriber): void {
    if (!this.#members.delete(subscriber)) return;
    subscriber.stalledSinceMs = 0;
    for (let at = subscriber.first; at !== undefined; at = at.next) this.untrack(at);
    const waiting = this.#waiting.get(subscriber) ?? [];
    this.#waiting.delete(subscriber);
    for (const resolve of waiting) resolve();
  }

  /** Resolves when the member is not congested, or is gone. */
  whenClear(subscriber: LocalSubscriber): Promise<void> {
    if (!subscriber.isCongested) return Promise.resolve();
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(subscriber);
      if (waiting === undefined) this.#waiting.set(subscriber, [resolve]);
      else waiting.push(resolve);
    });
  }

  /** The kernel took something: give more, or end the congestion. */
  onDrain(subscriber: LocalSubscriber): void {
    if (!subscriber.isCongested) return;
    subscriber.stalledSinceMs = this.#now();
    if (subscriber.socket.bufferedBytes() > 0) return;
    if (this.#catchUp(subscriber)) this.#end(subscriber);
  }

  /** Closes who stalled too long or lost what it may not lose. Call it about every second. */
  sweep(): void {
    const stalledBefore = this.#now() - this.#options.stalledMsMax;
    for (const subscriber of this.#members) {
      const policy = policyToClose(subscriber);
      if (policy !== undefined) this.#closeFallen(subscriber, policy);
      else if (subscriber.stalledSinceMs < stalledBefore) this.#closeStalled(subscriber);
    }
  }

  /** True: nothing is left to give. False: congested again, or closed. */
  #catchUp(subscriber: LocalSubscriber): boolean {
    const policy = policyToClose(subscriber);
    if (policy !== undefined) {
      this.#closeFallen(subscriber, policy);
      return false;
    }
    for (let at = subscriber.first; at !== undefined; at = at.next) {
      while (at.cursor < at.target.offset) {
        const slice = this.#nextSlice(at, subscriber);
        if (!this.#give(at, slice)) return false;
      }
    }
    return true;
  }

  /** True: the kernel took everything, and the member is still here to be given more. */
  #give(membership: Membership, slice: Slice): boolean {
    const { frames } = slice;
    const { socket } = membership.subscriber;
    if (slice.dropped > 0) this.#tellDropped(membership, slice);
    this.lateDeliveries += frames.length;
    const buffered = frames.length > 0 ? socket.write(frames) : socket.bufferedBytes();
    return buffered === 0 && membership.subscriber.isCongested;
  }

  #tellDropped({ subscriber, target }: Membership, { dropped, position }: Slice): void {
    const { slowDropped, slowNotices } = this.#options.counters;
    const { slowConsumer } = target.rules;
    if (!mayDrop(slowConsumer)) return;
    slowDropped[slowConsumer] += dropped;
    slowNotices[slowConsumer] += 1;
    const to = ownDestination(target);
    subscriber.owner.onGap({ kind: 'gap', to, reason: 'slow', dropped, position });
  }

  /** Moves the cursor on by what one write may hold, past what was dropped. */
  #nextSlice(membership: Membership, subscriber: LocalSubscriber): Slice {
    const { target } = membership;
    const follows = followsPositions(subscriber.codec, target);
    const nowSeconds = this.#options.clock.wallSeconds();
    const frames: Frame[] = [];
    let bytes = 0;
    let dropped = 0;
    let position: StreamPosition | undefined;
    while (membership.cursor < target.offset && bytes < writeBytesMax) {
      const next = nextKept(membership);
      if (next > membership.cursor) {
        // One notice for all holes is enough, unless positions must fit at each of them.
        if (follows && frames.length > 0) break;
        dropped += next - membership.cursor;
        membership.cursor = next;
        if (follows) position = positionBefore(membership);
        continue;
      }
      const delivery = target.ring?.at(next);
      membership.cursor += 1;
      if (delivery?.hasExpired(nowSeconds) === true) delivery.end();
      const frame = delivery?.frameFor(subscriber);
      if (frame === undefined) continue;
      bytes += frame.bytes.length;
      frames.push(frame);
    }
    return { frames, dropped, position };
  }

  #end(subscriber: LocalSubscriber): void {
    this.forget(subscriber);
    for (let at = subscriber.first; at !== undefined; at = at.next) {
      if (at.target.kind === 'connection') subscriber.unlink(at);
    }
  }

  #closeFallen(subscriber: LocalSubscriber, policy: ClosingPolicy): void {
    this.#options.counters.slowCloses[policy] += 1;
    this.forget(subscriber);
    const { code, reason } = policyCloses[policy];
    subscriber.owner.close(code, reason);
  }

  #closeStalled(subscriber: LocalSubscriber): void {
    this.stalledCount += 1;
    this.forget(subscriber);
    subscriber.owner.close(
      closeCodes.slowConsumer,
      `The client reads too slowly: it took nothing for ${this.#options.stalledMsMax} ms`,
    );
  }

  #now(): number {
    // 0 means "not congested", so the first moment of the clock is moved away from it.
    return Math.max(1, this.#options.clock.monotonicMs());
  }
}
