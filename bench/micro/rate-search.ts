/** Finds the highest rate that holds: doubles until one fails twice, then closes in. */

/** `unmeasurable`: the generator was too busy to say whether the server held. */
export type RateOutcome = 'held' | 'failed' | 'unmeasurable';

export interface RateSearchOptions {
  readonly start: number;
  /** The search ends when the bounds are closer than this factor. */
  readonly precision?: number;
  readonly max?: number;
}

/** A search in steps: measure `next`, tell the outcome, until `next` is undefined. */
export class RateSearch {
  readonly #precision: number;
  readonly #max: number;
  #held: number | undefined;
  #failed: number | undefined;
  #next: number | undefined;
  #failures = 0;
  #endedBy: RateOutcome | undefined;

  constructor({ start, precision = 1.08, max = 1_000_000 }: RateSearchOptions) {
    this.#precision = precision;
    this.#max = max;
    this.#next = start;
  }

  /** The rate to measure now; undefined when the search is over. */
  get next(): number | undefined {
    return this.#next;
  }

  /** The highest rate that held; undefined when none did. */
  get best(): number | undefined {
    return this.#held;
  }

  /** What the lowest rate that did not hold met. */
  get endedBy(): RateOutcome | undefined {
    return this.#endedBy;
  }

  /** The outcome of a run at `next`. One failure may be noise: the rate is then given again. */
  tell(outcome: RateOutcome): void {
    const rate = this.#next;
    if (rate === undefined) return;
    if (outcome === 'held') {
      this.#held = rate;
    } else {
      this.#failures++;
      if (this.#failures < 2) return;
      this.#failed = rate;
      this.#endedBy = outcome;
    }
    this.#failures = 0;
    this.#next = this.#choose();
  }

  #choose(): number | undefined {
    const held = this.#held;
    const failed = this.#failed;
    if (held === undefined) {
      const lower = Math.floor((failed ?? 0) / 2);
      return lower >= 1 ? lower : undefined;
    }
    if (failed === undefined) return held * 2 <= this.#max ? held * 2 : undefined;
    if (failed / held <= this.#precision) return undefined;
    const middle = Math.round(Math.sqrt(held * failed));
    return middle === held || middle === failed ? undefined : middle;
  }
}
