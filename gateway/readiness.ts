/** Whether the node should get new clients, as `/readyz` tells the load balancer. */
import type { Clock } from './clock.ts';

export interface ReadinessOptions {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  /** Longest time in ms that a node which seems to be alone waits for the answers of others. */
  readonly introductionMsMax: number;
  /** True: there may be nodes that it does not know yet. */
  readonly isInDoubt: () => boolean;
  /** Why the backplane takes no publishes; undefined: it does. */
  readonly unavailableReason: () => string | undefined;
}

export class Readiness {
  readonly #options: ReadinessOptions;
  #isOpen = false;
  #knowsOthers = false;
  #startedAtMs = 0;

  constructor(options: ReadinessOptions) {
    this.#options = options;
  }

  /** The node listens. */
  open(): void {
    this.#startedAtMs = this.#options.clock.monotonicMs();
    this.#isOpen = true;
  }

  /** The node goes away. */
  close(): void {
    this.#isOpen = false;
  }

  /** True: it listens, and does not go away. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  state(): { readonly ready: boolean; readonly reason?: string } {
    if (!this.#isOpen) return { ready: false, reason: 'the node is starting or going away' };
    if (!this.#isIntroduced())
      return { ready: false, reason: 'the node may not know all others yet' };
    const reason = this.#options.unavailableReason();
    return reason === undefined ? { ready: true } : { ready: false, reason };
  }

  /** A new node gets clients when it can answer for all; one that is alone does not wait long. */
  #isIntroduced(): boolean {
    const { clock, introductionMsMax, isInDoubt } = this.#options;
    const waitedMs = clock.monotonicMs() - this.#startedAtMs;
    this.#knowsOthers ||= !isInDoubt() || waitedMs > introductionMsMax;
    return this.#knowsOthers;
  }
}
