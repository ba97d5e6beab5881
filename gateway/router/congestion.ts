/**
 * Members whose sockets take less than they are sent. A congested member is left out of the
 * fan-out; it costs a cursor per membership, and its targets keep what it will need. It goes on
 * from its cursors when its socket drained, or is closed when it stalled too long or fell behind.
 */
import type { Clock } from '../clock.ts';
import { closeCodes } from '../protocol/close-codes.ts';
import type { Frame } from '../protocol/codec.ts';
import type { LocalSubscriber } from './local-subscriber.ts';
import { Target, type Membership } from './target.ts';

export interface CongestionOptions {
  readonly clock: Pick<Clock, 'monotonicMs' | 'wallSeconds'>;
  /** Longest time in ms without a byte taken by the kernel. */
  readonly stalledMsMax: number;
}

/** Bytes of frames written to a recovering member before its socket is asked again. */
const writeBytesMax = 64 * 1024;

export class Congestion {
  readonly #options: CongestionOptions;
  readonly #members = new Set<LocalSubscriber>();
  /** Members closed because they stalled, since the start. */
  stalledCount = 0;
  /** Members closed because a ring dropped what they still needed, since the start. */
  fellBehindCount = 0;
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
    if (!subscriber.isAttached) return;
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
  }

  /** The kernel took something: give more, or end the congestion. */
  onDrain(subscriber: LocalSubscriber): void {
    if (!subscriber.isCongested) return;
    subscriber.stalledSinceMs = this.#now();
    if (subscriber.socket.bufferedBytes() > 0) return;
    if (this.#catchUp(subscriber)) this.#end(subscriber);
  }

  /** Closes who stalled too long or lost its place. Call it about every second. */
  sweep(): void {
    const stalledBefore = this.#now() - this.#options.stalledMsMax;
    for (const subscriber of this.#members) {
      if (hasFallenBehind(subscriber)) this.#closeFallen(subscriber);
      else if (subscriber.stalledSinceMs < stalledBefore) this.#closeStalled(subscriber);
    }
  }

  /** True: nothing is left to give. False: congested again, or closed. */
  #catchUp(subscriber: LocalSubscriber): boolean {
    for (let at = subscriber.first; at !== undefined; at = at.next) {
      while (at.cursor < at.target.offset) {
        const frames = this.#nextFrames(at, subscriber);
        if (frames === undefined) {
          this.#closeFallen(subscriber);
          return false;
        }
        if (frames.length > 0 && !this.#give(subscriber, frames)) return false;
      }
    }
    return true;
  }

  /** True: the kernel took everything, and the member is still here to be given more. */
  #give(subscriber: LocalSubscriber, frames: readonly Frame[]): boolean {
    this.lateDeliveries += frames.length;
    return subscriber.socket.write(frames) === 0 && subscriber.isCongested;
  }

  /** Moves the cursor on by what one write may hold; undefined: the ring dropped what comes next. */
  #nextFrames(membership: Membership, subscriber: LocalSubscriber): Frame[] | undefined {
    const { target } = membership;
    const nowSeconds = this.#options.clock.wallSeconds();
    const frames: Frame[] = [];
    let bytes = 0;
    while (membership.cursor < target.offset && bytes < writeBytesMax) {
      const delivery = target.ring?.at(membership.cursor);
      if (delivery === undefined) return undefined;
      membership.cursor += 1;
      if (delivery.hasExpired(nowSeconds)) delivery.end();
      const frame = delivery.frameFor(subscriber);
      if (frame === undefined) continue;
      bytes += frame.bytes.length;
      frames.push(frame);
    }
    return frames;
  }

  #end(subscriber: LocalSubscriber): void {
    this.forget(subscriber);
    for (let at = subscriber.first; at !== undefined; at = at.next) {
      if (at.target.kind === 'connection') subscriber.unlink(at);
    }
  }

  #closeFallen(subscriber: LocalSubscriber): void {
    this.fellBehindCount += 1;
    this.forget(subscriber);
    subscriber.owner.close(
      closeCodes.slowConsumer,
      'The client reads too slowly: it fell behind the messages that are kept for it',
    );
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

function hasFallenBehind(subscriber: LocalSubscriber): boolean {
  for (let at = subscriber.first; at !== undefined; at = at.next) {
    const { ring } = at.target;
    if (ring !== undefined && at.cursor < ring.first && at.cursor < at.target.offset) return true;
  }
  return false;
}
