/** Time that a test moves by hand. */
import type { Clock } from '../environment.ts';

/** Far more than any chain of promises in the client or the test gateway. */
const turnsMax = 100;

export class ManualClock implements Clock {
  #nowMs = 0;
  readonly #timers = new Set<{ readonly dueMs: number; readonly callback: () => void }>();

  /** Timers that have not run: none, when everything was ended. */
  get pending(): number {
    return this.#timers.size;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { dueMs: this.#nowMs + delayMs, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Lets everything happen that needs no time: promises, and what is on its way. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < turnsMax; turn += 1) await Promise.resolve();
  }

  /** Lets time pass; what becomes due runs in order, with all that follows from it. */
  async pass(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    await this.settle();
    for (;;) {
      const [next] = [...this.#timers].toSorted((a, b) => a.dueMs - b.dueMs);
      if (next === undefined || next.dueMs > untilMs) break;
      this.#timers.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      next.callback();
      await this.settle();
    }
    this.#nowMs = untilMs;
  }
}
