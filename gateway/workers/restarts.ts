/** When a worker that ended is started again, and when that is given up. */

export interface RestartSettings {
  /** Before the first restart in a row; each further one waits twice as long. */
  readonly delayMs: number;
  readonly delayMsMax: number;
  /** A worker that listened this long is sound: the next end is the first in a row again. */
  readonly soundAfterMs: number;
  /** Ends in a row after which it is given up. */
  readonly endsMax: number;
}

export const defaultRestarts: RestartSettings = {
  delayMs: 100,
  delayMsMax: 5000,
  soundAfterMs: 60_000,
  endsMax: 10,
};

export interface WorkerEnd {
  /** How long it listened, in ms; 0: it never did. */
  readonly listenedMs: number;
  /** True: it ended for a reason outside, such as a broker that is away; that is never given up. */
  readonly isPassing: boolean;
}

export class Restarts {
  readonly #settings: RestartSettings;
  #ends = 0;

  constructor(settings: RestartSettings = defaultRestarts) {
    this.#settings = settings;
  }

  /** How long to wait before the next start, in ms; undefined: no more starts. */
  next({ isPassing, listenedMs }: WorkerEnd): number | undefined {
    const { delayMs, delayMsMax, endsMax, soundAfterMs } = this.#settings;
    if (listenedMs >= soundAfterMs) this.#ends = 0;
    // A passing reason waits ever longer as well, but stays below the bound.
    this.#ends = isPassing ? Math.min(this.#ends + 1, endsMax - 1) : this.#ends + 1;
    if (this.#ends >= endsMax) return undefined;
    return Math.min(delayMs * 2 ** (this.#ends - 1), delayMsMax);
  }
}
