/**
 * Empties a node that goes away, so that its clients come to the others one after the other: who can
 * be told chooses its own time, the rest is closed in random order over the same window.
 */
import type { Clock } from './clock.ts';
import type { SubscriberOwner } from './router/ports.ts';

/** A connection as the drain needs it. */
export interface DrainedConnection {
  /** False once it is gone. */
  readonly isAttached: boolean;
  readonly owner: Pick<SubscriberOwner, 'onGoAway' | 'depart'>;
}

export interface DrainOptions {
  readonly clock: Pick<Clock, 'monotonicMs' | 'after'>;
  /** 0 up to 1. */
  readonly random: () => number;
  /** Time in ms for the load balancer to notice that the node is not ready. */
  readonly delayMs: number;
  /** Time in ms over which the connections leave; they leave in the first four fifths. */
  readonly spreadMs: number;
  /** Called once, after the delay: no new connections from then on. */
  readonly refuseUpgrades: () => void;
  /** A copy of those that there are. */
  readonly connections: () => DrainedConnection[];
  /** How many are still here, those included that only wait to be taken over. */
  readonly remaining: () => number;
  /** Longest time in ms from the end of the delay on, of which the window is a part. */
  readonly lastMs: number;
  /**
   * Gives what waits to be taken over to other nodes. Called once, when all that can be closed have
   * been; the drain is not over before it.
   */
  readonly handOver: (withinMs: number, signal: AbortSignal) => Promise<void>;
}

export const goingAwayReason = 'The node is going away; connect again';

const stepMs = 50;
/** Least number of connections that are told in one step. */
const toldPerStepMin = 1000;
/** Part of the window in which all are told, and in which all leave. */
const tellingShare = 0.2;
const leavingShare = 0.8;

export class Drain {
  readonly #options: DrainOptions;
  #connections: DrainedConnection[] = [];
  /** Index of the next one to be told. */
  #next = 0;
  /** Those that could not be told; in random order, and closed from the front. */
  readonly #untold: DrainedConnection[] = [];
  #closed = 0;
  #startedAtMs = 0;
  #cancelTimer: () => void = () => undefined;
  #finished: Promise<void> | undefined;
  #onFinished: () => void = () => undefined;
  #isOver = false;
  readonly #abort = new AbortController();
  /** undefined: it has not begun. */
  #handOver: 'underWay' | 'done' | undefined;

  constructor(options: DrainOptions) {
    this.#options = options;
  }

  /**
   * Resolves when nobody is left, when the window is over and what waited is handed over, or by
   * `cancel`. Idempotent.
   */
  run(): Promise<void> {
    this.#finished ??= new Promise((resolve) => {
      this.#onFinished = resolve;
      if (this.#isOver) resolve();
      else this.#wait(this.#options.delayMs, () => this.#begin());
    });
    return this.#finished;
  }

  /** Ends it now; the connections that are left stay. */
  cancel(): void {
    this.#isOver = true;
    this.#abort.abort();
    this.#cancelTimer();
    this.#onFinished();
  }

  #begin(): void {
    const { clock, connections, random, refuseUpgrades } = this.#options;
    refuseUpgrades();
    this.#connections = shuffled(connections(), random);
    this.#startedAtMs = clock.monotonicMs();
    this.#step();
  }

  #step(): void {
    const { clock, lastMs, remaining, spreadMs } = this.#options;
    const elapsedMs = clock.monotonicMs() - this.#startedAtMs;
    // The rest of the window is for the last ones to arrive at another node.
    const leavingMs = spreadMs * leavingShare;
    this.#tell(leavingMs - elapsedMs);
    this.#closeDue(leavingMs === 0 ? 1 : elapsedMs / leavingMs);
    const isEmpty = remaining() === 0;
    if (elapsedMs >= leavingMs || isEmpty) this.#beginHandOver(elapsedMs);
    const mayEnd = elapsedMs >= spreadMs || isEmpty;
    if ((mayEnd && this.#handOver === 'done') || elapsedMs >= lastMs) return this.cancel();
    const waitMs = Math.min(stepMs, (mayEnd ? lastMs : spreadMs) - elapsedMs);
    return this.#wait(waitMs, () => this.#step());
  }

  #beginHandOver(elapsedMs: number): void {
    if (this.#handOver !== undefined) return;
    this.#handOver = 'underWay';
    const { handOver, lastMs, remaining, spreadMs } = this.#options;
    const over = (): void => {
      this.#handOver = 'done';
      if (this.#isOver) return;
      const sinceMs = this.#options.clock.monotonicMs() - this.#startedAtMs;
      if (sinceMs >= spreadMs || remaining() === 0) this.cancel();
    };
    void handOver(Math.max(0, lastMs - elapsedMs), this.#abort.signal).then(over, over);
  }

  /** Tells some of those that do not know yet. */
  #tell(leftMs: number): void {
    const steps = Math.max(1, (this.#options.spreadMs * tellingShare) / stepMs);
    const isLast = leftMs <= 0;
    const share = Math.max(toldPerStepMin, Math.ceil(this.#connections.length / steps));
    const end = isLast ? this.#connections.length : this.#next + share;
    const withinMs = Math.max(0, Math.floor(leftMs));
    const notice = { kind: 'goaway', reason: goingAwayReason, withinMs } as const;
    for (; this.#next < end; this.#next += 1) {
      const connection = this.#connections[this.#next];
      if (connection === undefined) break;
      if (connection.isAttached && !connection.owner.onGoAway(notice)) {
        this.#untold.push(connection);
      }
    }
  }

  /** @param share of the time for leaving that is over; 1 or more at its end. */
  #closeDue(share: number): void {
    const due = Math.min(this.#untold.length, Math.floor(this.#untold.length * share));
    for (; this.#closed < due; this.#closed += 1) {
      const connection = this.#untold[this.#closed];
      if (connection?.isAttached === true) {
        connection.owner.depart(goingAwayReason);
      }
    }
  }

  #wait(delayMs: number, then: () => void): void {
    this.#cancelTimer = this.#options.clock.after(delayMs, then);
  }
}

/** Fisher-Yates, in place. */
function shuffled<T>(items: T[], random: () => number): T[] {
  for (let index = items.length - 1; index > 0; index -= 1) {
    const other = Math.floor(random() * (index + 1));
    const [one, two] = [items[index], items[other]];
    if (one === undefined || two === undefined) continue;
    items[index] = two;
    items[other] = one;
  }
  return items;
}
