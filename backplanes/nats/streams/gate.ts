/** Lets so many tasks run at once; others wait in their order, up to a bound. */
import { BackplaneUnavailableError } from '../../backplane.ts';

export class Gate {
  readonly #runningMax: number;
  readonly #waitingMax: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;
  /** Those at the front of the queue that have been let in. */
  #admitted = 0;

  constructor(runningMax: number, waitingMax: number) {
    this.#runningMax = runningMax;
    this.#waitingMax = waitingMax;
  }

  /** @throws BackplaneUnavailableError when too many wait; otherwise what the task throws. */
  async pass<T>(task: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#runningMax) await this.#turn();
    else this.#running += 1;
    try {
      return await task();
    } finally {
      this.#leave();
    }
  }

  #turn(): Promise<void> {
    const waiting = this.#waiting.length - this.#admitted;
    if (waiting >= this.#waitingMax) {
      const text = `NATS is slow: ${waiting} requests wait for their turn, and no more may`;
      return Promise.reject(new BackplaneUnavailableError(text));
    }
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  /** Hands its place over, or gives it back. */
  #leave(): void {
    const next = this.#waiting[this.#admitted];
    if (next === undefined) {
      this.#running -= 1;
    } else {
      this.#admitted += 1;
      next();
    }
    // Taking from the front of a long array one by one is slow.
    if (this.#admitted < 1024 && this.#admitted < this.#waiting.length) return;
    this.#waiting.splice(0, this.#admitted);
    this.#admitted = 0;
  }
}
