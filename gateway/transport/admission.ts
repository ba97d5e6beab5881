/** Decides whether one more WebSocket may be accepted, before any work is done for it. */
import type { Limits } from '../limits.ts';
import type { TransportCounters } from './counters.ts';
import type { DescriptorGauge } from './descriptor-gauge.ts';

export type AdmissionRefusal = 'rate' | 'connections' | 'descriptors';

/** Below this part of the reserve even plain connections are closed at once. */
const refuseConnectionsBelow = 0.25;

export class Admission {
  readonly #limits: Limits;
  readonly #now: () => number;
  readonly #gauge: DescriptorGauge;
  readonly #counters: TransportCounters;
  #tokens: number;
  #filledAt: number;
  #held = 0;
  #open = 0;

  constructor(
    limits: Limits,
    gauge: DescriptorGauge,
    counters: TransportCounters,
    now: () => number,
  ) {
    this.#limits = limits;
    this.#gauge = gauge;
    this.#counters = counters;
    this.#now = now;
    this.#tokens = limits.upgradesPerSecondMax;
    this.#filledAt = now();
  }

  /** Sockets open or being upgraded. */
  get held(): number {
    return this.#held;
  }

  /** TCP connections that are no WebSockets, about: an upgrade counts as one while it lasts. */
  get plain(): number {
    return Math.max(0, this.#open - this.#held);
  }

  /** Undefined: admitted, and `release` must follow exactly once, at the latest after the close. */
  admit(): AdmissionRefusal | undefined {
    if (this.#held >= this.#limits.connectionsMax) {
      this.#counters.upgradesRejectedConnections += 1;
      return 'connections';
    }
    // The connection that asks has its descriptor already.
    if (this.#gauge.free() < this.#limits.fileDescriptorsReserved) {
      this.#counters.upgradesRejectedDescriptors += 1;
      return 'descriptors';
    }
    if (!this.#takeToken()) {
      this.#counters.upgradesRejectedRate += 1;
      return 'rate';
    }
    this.#held += 1;
    return undefined;
  }

  release(): void {
    this.#held -= 1;
  }

  /** A TCP connection came. False: hardly a descriptor is left, close it now. */
  connectionOpened(): boolean {
    this.#open += 1;
    this.#gauge.connectionOpened();
    const floor = this.#limits.fileDescriptorsReserved * refuseConnectionsBelow;
    if (this.#gauge.free() >= floor) return true;
    this.#counters.connectionsRefused += 1;
    return false;
  }

  connectionClosed(): void {
    this.#open -= 1;
    this.#gauge.connectionClosed();
  }

  #takeToken(): boolean {
    const rate = this.#limits.upgradesPerSecondMax;
    const now = this.#now();
    this.#tokens = Math.min(rate, this.#tokens + ((now - this.#filledAt) / 1000) * rate);
    this.#filledAt = now;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
