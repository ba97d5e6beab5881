/** How long to wait before the next attempt: a random part of a bound that doubles (full jitter). */
export class Backoff {
  readonly #random: () => number;
  readonly #baseMs: number;
  readonly #capMs: number;
  #attempts = 0;

  constructor(random: () => number, baseMs: number, capMs: number) {
    this.#random = random;
    this.#baseMs = baseMs;
    this.#capMs = capMs;
  }

  /** Counts an attempt. `isHurried` saves the first one the delay, and only the first. */
  nextMs(isHurried = false): number {
    const boundMs = Math.min(this.#capMs, this.#baseMs * 2 ** this.#attempts);
    const isFirst = this.#attempts === 0;
    this.#attempts = Math.min(this.#attempts + 1, 30);
    return isHurried && isFirst ? 0 : Math.round(this.#random() * boundMs);
  }

  /** To be called when it has gone well for a while. */
  reset(): void {
    this.#attempts = 0;
  }
}
