/**
 * What one connection's ackIds are good for: an operation that was acknowledged is not executed
 * again, one that failed may be tried again with the same id (Azure §3.3).
 */
import type { ClientId64 } from '../protocol/model.ts';

/** `new`: execute it. `duplicate`: it was done. `running`: wait. `full`: too many are running. */
export type AckVerdict = 'new' | 'duplicate' | 'running' | 'full';

export class AckLedger {
  readonly #historyMax: number;
  readonly #runningMax: number;
  /** Acknowledged ids, oldest first. */
  readonly #done = new Set<ClientId64>();
  /** Ids of running operations, with how often each was sent again meanwhile. */
  readonly #running = new Map<ClientId64, number>();

  constructor(historyMax: number, runningMax: number) {
    this.#historyMax = historyMax;
    this.#runningMax = runningMax;
  }

  begin(ackId: ClientId64): AckVerdict {
    if (this.#done.has(ackId)) return 'duplicate';
    const repeats = this.#running.get(ackId);
    if (repeats !== undefined) {
      this.#running.set(ackId, repeats + 1);
      return 'running';
    }
    if (this.#running.size >= this.#runningMax) return 'full';
    this.#running.set(ackId, 0);
    return 'new';
  }

  /** The operation ended. Returns how often it was sent again while it ran. */
  end(ackId: ClientId64, succeeded: boolean): number {
    const repeats = this.#running.get(ackId) ?? 0;
    this.#running.delete(ackId);
    if (succeeded && this.#historyMax > 0) {
      this.#done.add(ackId);
      if (this.#done.size > this.#historyMax) {
        for (const oldest of this.#done) {
          this.#done.delete(oldest);
          break;
        }
      }
    }
    return repeats;
  }
}
