/**
 * Proves again and again that what is published comes back: a connection can look healthy and
 * deliver nothing.
 */

export interface CanaryOptions {
  readonly tickMs: number;
  /** Publishes the number in the group that leads back to `heard`. */
  readonly sing: (song: number) => void;
  /** How many messages to groups have arrived so far. */
  readonly inboundCount: () => number;
  readonly onDeaf: () => void;
}

/** Ticks without an echo after which a connection is deaf when no other message arrives either. */
const silentTicksMax = 2;
/** The same where other messages arrive: the echo may wait behind them. */
const busyTicksMax = 10;

export class Canary {
  readonly #options: CanaryOptions;
  readonly #timer: NodeJS.Timeout;
  #song = 0;
  #state: 'resting' | 'ready' | 'waiting' = 'resting';
  #silentTicks = 0;
  #waitingTicks = 0;
  #inboundBefore = 0;

  /** Sings every second tick: each song costs a message of the service. */
  constructor(options: CanaryOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#tick(), options.tickMs);
    this.#timer.unref();
  }

  /** An echo came back. */
  heard(song: number): void {
    if (song === this.#song && this.#state === 'waiting') this.#state = 'resting';
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Ticks are counted, not time: after a pause of this process the echo may be still unread. */
  #tick(): void {
    if (this.#state === 'resting') {
      this.#state = 'ready';
    } else if (this.#state === 'ready') {
      this.#sing();
    } else {
      this.#miss();
    }
    this.#inboundBefore = this.#options.inboundCount();
  }

  #sing(): void {
    this.#state = 'waiting';
    this.#silentTicks = 0;
    this.#waitingTicks = 0;
    this.#song += 1;
    this.#options.sing(this.#song);
  }

  #miss(): void {
    const isSilent = this.#options.inboundCount() === this.#inboundBefore;
    this.#waitingTicks += 1;
    this.#silentTicks = isSilent ? this.#silentTicks + 1 : 0;
    if (this.#silentTicks < silentTicksMax && this.#waitingTicks < busyTicksMax) return;
    this.stop();
    this.#options.onDeaf();
  }
}
