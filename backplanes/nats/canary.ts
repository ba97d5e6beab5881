/**
 * Proves again and again that what is published comes back: a connection can look healthy and
 * deliver nothing.
 */

export interface CanaryOptions {
  readonly intervalMs: number;
  /** Publishes the number on the subject that leads back to `heard`. */
  readonly sing: (song: number) => void;
  /** How many messages of any kind have arrived so far. */
  readonly inboundCount: () => number;
  readonly onDeaf: () => void;
}

/** Ticks without an echo after which a connection is deaf when nothing else arrives either. */
const silentTicksMax = 2;
/** The same where other messages arrive: the echo may wait behind them. */
const busyTicksMax = 10;

export class Canary {
  readonly #options: CanaryOptions;
  readonly #timer: NodeJS.Timeout;
  #song = 0;
  #isWaiting = false;
  #silentTicks = 0;
  #waitingTicks = 0;
  #inboundBefore = 0;
  #isStopped = false;

  /** Sings for the first time one interval from now. */
  constructor(options: CanaryOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#tick(), options.intervalMs);
    this.#timer.unref();
  }

  /** An echo came back. */
  heard(song: number): void {
    if (song === this.#song) this.#isWaiting = false;
  }

  stop(): void {
    this.#isStopped = true;
    clearInterval(this.#timer);
  }

  /** Ticks are counted, not time: after a pause of this process the echo may be still unread. */
  #tick(): void {
    if (this.#isStopped) return;
    const { inboundCount, onDeaf, sing } = this.#options;
    const inbound = inboundCount();
    if (!this.#isWaiting) {
      this.#isWaiting = true;
      this.#silentTicks = 0;
      this.#waitingTicks = 0;
      this.#song += 1;
      sing(this.#song);
    } else {
      this.#waitingTicks += 1;
      this.#silentTicks = inbound === this.#inboundBefore ? this.#silentTicks + 1 : 0;
      if (this.#silentTicks >= silentTicksMax || this.#waitingTicks >= busyTicksMax) {
        this.stop();
        onDeaf();
      }
    }
    this.#inboundBefore = inbound;
  }
}
