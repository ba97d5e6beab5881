/**
 * Notices that a live publication comes again: who published it did not hear that it was accepted,
 * and sent it once more with the same id. Streams have their store for that.
 */
import type { Clock } from '../clock.ts';

export interface RepeatWindowOptions {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  /** An id is remembered at least so long, unless there are too many. */
  readonly windowMs?: number;
  /** At most twice as many ids are remembered; beyond that the oldest are forgotten early. */
  readonly idsMax?: number;
}

export class RepeatWindow {
  readonly #options: Required<RepeatWindowOptions>;
  // Two sets that take turns: forgetting the older one costs nothing, however many ids it has.
  #recent = new Set<string>();
  #older = new Set<string>();
  #turnedAtMs: number;

  constructor({ clock, idsMax = 50_000, windowMs = 60_000 }: RepeatWindowOptions) {
    this.#options = { clock, idsMax, windowMs };
    this.#turnedAtMs = clock.monotonicMs();
  }

  /** Ids that are remembered now. */
  get size(): number {
    return this.#recent.size + this.#older.size;
  }

  /**
   * True: the id was here before, within the window. Otherwise it is remembered from now on.
   * @param scope the destination: ids of different ones have nothing to do with each other.
   */
  isRepeat(scope: string, id: string): boolean {
    this.#turn();
    const entry = `${scope}\n${id}`;
    if (this.#recent.has(entry) || this.#older.has(entry)) return true;
    this.#recent.add(entry);
    return false;
  }

  #turn(): void {
    const { clock, idsMax, windowMs } = this.#options;
    const nowMs = clock.monotonicMs();
    const ageMs = nowMs - this.#turnedAtMs;
    if (ageMs < windowMs && this.#recent.size < idsMax) return;
    // After two windows nothing of the recent set is within the window either.
    this.#older = ageMs < 2 * windowMs ? this.#recent : new Set();
    this.#recent = new Set();
    this.#turnedAtMs = nowMs;
  }
}
