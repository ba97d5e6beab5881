/** Counts work that has begun and must not be cut off when the node goes away. */
import type { Clock } from './clock.ts';

export class InFlight {
  readonly #clock: Pick<Clock, 'after'>;
  #onIdle: (() => void)[] = [];
  #count = 0;

  constructor(clock: Pick<Clock, 'after'>) {
    this.#clock = clock;
  }

  get count(): number {
    return this.#count;
  }

  /** Counts it until it settles, and hands it on. */
  track<T>(work: Promise<T>): Promise<T> {
    this.#count += 1;
    return work.finally(() => {
      this.#count -= 1;
      if (this.#count > 0) return;
      const waiting = this.#onIdle;
      this.#onIdle = [];
      for (const resolve of waiting) resolve();
    });
  }

  /** Resolves when nothing is in flight, or after `waitMs`. */
  idle(waitMs: number): Promise<void> {
    if (this.#count === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = this.#clock.after(Math.max(0, waitMs), resolve);
      this.#onIdle.push(() => {
        cancel();
        resolve();
      });
    });
  }
}
