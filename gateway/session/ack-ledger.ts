/**
 * What one connection's ackIds are good for: an operation that was acknowledged is not executed
 * again, one that failed may be tried again with the same id (Azure §3.3). Clients count upwards,
 * so what is remembered is nearly always one run of numbers, and that costs two fields.
 */
import type { ClientId64 } from '../protocol/model.ts';

/** `new`: execute it. `duplicate`: it was done. `running`: wait. `full`: too many are running. */
export type AckVerdict = 'new' | 'duplicate' | 'running' | 'full';

/** What a ledger remembers of operations that are done, for the node that takes it over. */
export interface AckHistory {
  /** The last number of a run, and its length. */
  readonly last: number;
  readonly runLength: number;
  /** Instead of the run; oldest first. */
  readonly scattered?: readonly ClientId64[] | undefined;
}

export class AckLedger {
  readonly #historyMax: number;
  readonly #runningMax: number;
  /** The acknowledged ids are `#last` and the `#runLength - 1` numbers before it. */
  #last = 0;
  #runLength = 0;
  /** Oldest first; instead of the run once an id came that did not continue it. */
  #scattered: Set<ClientId64> | undefined = undefined;
  /** Ids of running operations, with how often each was sent again meanwhile. */
  #running: Map<ClientId64, number> | undefined = undefined;

  /**
   * @param historyMax acknowledged ids that are remembered; the oldest is forgotten first.
   * @param runningMax operations that may run at the same time.
   * @param history what another ledger remembered.
   */
  constructor(historyMax: number, runningMax: number, history?: AckHistory) {
    this.#historyMax = historyMax;
    this.#runningMax = runningMax;
    if (history === undefined) return;
    this.#last = history.last;
    this.#runLength = history.runLength;
    if (history.scattered !== undefined) this.#scattered = new Set(history.scattered);
  }

  /** Operations that run now. */
  get running(): number {
    return this.#running?.size ?? 0;
  }

  history(): AckHistory {
    const scattered = this.#scattered && [...this.#scattered];
    return { last: this.#last, runLength: this.#runLength, scattered };
  }

  begin(ackId: ClientId64): AckVerdict {
    if (this.#isDone(ackId)) return 'duplicate';
    const running = (this.#running ??= new Map<ClientId64, number>());
    const repeats = running.get(ackId);
    if (repeats !== undefined) {
      running.set(ackId, repeats + 1);
      return 'running';
    }
    if (running.size >= this.#runningMax) return 'full';
    running.set(ackId, 0);
    return 'new';
  }

  /** The operation ended. Returns how often it was sent again while it ran. */
  end(ackId: ClientId64, succeeded: boolean): number {
    const repeats = this.#running?.get(ackId) ?? 0;
    this.#running?.delete(ackId);
    // An idle connection does not keep an empty map.
    if (this.#running?.size === 0) this.#running = undefined;
    if (succeeded && this.#historyMax > 0) this.#remember(ackId);
    return repeats;
  }

  #isDone(ackId: ClientId64): boolean {
    if (this.#scattered !== undefined) return this.#scattered.has(ackId);
    return typeof ackId === 'number' && ackId <= this.#last && ackId > this.#last - this.#runLength;
  }

  #remember(ackId: ClientId64): void {
    const continues = this.#runLength === 0 || ackId === this.#last + 1;
    if (this.#scattered === undefined && typeof ackId === 'number' && continues) {
      this.#last = ackId;
      this.#runLength = Math.min(this.#runLength + 1, this.#historyMax);
      return;
    }
    const scattered = (this.#scattered ??= this.#unrolled());
    scattered.add(ackId);
    if (scattered.size <= this.#historyMax) return;
    for (const oldest of scattered) {
      scattered.delete(oldest);
      break;
    }
  }

  #unrolled(): Set<ClientId64> {
    const first = this.#last - this.#runLength + 1;
    return new Set(Array.from({ length: this.#runLength }, (_, index) => first + index));
  }
}
