/** Virtual time: what is due next runs next, and every promise settles in between. */
import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import type { Clock } from '../../gateway/clock.ts';

interface Due {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
  isOff: boolean;
}

export class Scheduler {
  nowMs = 1000;
  #order = 0;
  /** A binary heap by time, then by order of arrival. */
  readonly #heap: Due[] = [];

  /** Runs `run` after `delayMs`, unless the returned function is called before. */
  after(delayMs: number, run: () => void): () => void {
    this.#order += 1;
    const due: Due = { atMs: this.nowMs + delayMs, order: this.#order, run, isOff: false };
    this.#push(due);
    return () => {
      due.isOff = true;
    };
  }

  /** Resolves after `delayMs`. */
  wait(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.after(delayMs, resolve);
    });
  }

  /** Lets time pass until `untilMs`, or until `isOver` says so. */
  async run(untilMs: number, isOver: () => boolean = () => false): Promise<void> {
    await turnOfTheLoop();
    for (;;) {
      const next = this.#heap[0];
      if (next === undefined || next.atMs > untilMs || isOver()) break;
      this.#pop();
      if (next.isOff) continue;
      this.nowMs = next.atMs;
      next.run();
      await turnOfTheLoop();
    }
    this.nowMs = Math.max(this.nowMs, untilMs);
  }

  #push(due: Due): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(due);
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      const other = heap[parent];
      if (other === undefined || !isBefore(due, other)) break;
      heap[at] = other;
      at = parent;
    }
    heap[at] = due;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      const left = at * 2 + 1;
      const [a, b] = [heap[left], heap[left + 1]];
      const child = b !== undefined && a !== undefined && isBefore(b, a) ? left + 1 : left;
      const other = heap[child];
      if (other === undefined || !isBefore(other, last)) break;
      heap[at] = other;
      at = child;
    }
    heap[at] = last;
  }
}

function isBefore(a: Due, b: Due): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

/** Time as one process sees it: it may be put to sleep, and it may die. */
export class ProcessClock implements Clock {
  readonly #scheduler: Scheduler;
  /** When it woke up last; never: at the beginning. */
  wokeAtMs = 0;
  #isAsleep = false;
  #isDead = false;
  #missed: (() => void)[] = [];

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  get isAsleep(): boolean {
    return this.#isAsleep;
  }

  monotonicMs(): number {
    return this.#scheduler.nowMs;
  }

  wallSeconds(): number {
    return 1_700_000_000 + this.#scheduler.nowMs / 1000;
  }

  afterTurn(callback: () => void): void {
    this.#scheduler.after(0, () => this.deliver(callback));
  }

  after(delayMs: number, callback: () => void): () => void {
    return this.#scheduler.after(delayMs, () => this.deliver(callback));
  }

  every(periodMs: number, callback: () => void): () => void {
    let isOver = false;
    const next = (): void => {
      this.#scheduler.after(periodMs, () => {
        this.deliver(() => {
          if (isOver) return;
          callback();
          next();
        });
      });
    };
    next();
    return () => {
      isOver = true;
    };
  }

  /** Hands something to the process: now, when it wakes up, or never. */
  deliver(callback: () => void): void {
    if (this.#isDead) return;
    if (this.#isAsleep) this.#missed.push(callback);
    else callback();
  }

  sleep(): void {
    this.#isAsleep = true;
  }

  wake(): void {
    this.#isAsleep = false;
    this.wokeAtMs = this.#scheduler.nowMs;
    const missed = this.#missed;
    this.#missed = [];
    for (const callback of missed) this.deliver(callback);
  }

  die(): void {
    this.#isDead = true;
    this.#missed = [];
  }
}
