/** Keeps compiled filters: the same expression arrives with many publications. */
import { compileFilter } from './filter.ts';
import type { Filter, FilterBounds } from './filter.ts';

/**
 * Holds at most `entriesMax` filters and forgets the one that was not asked for the longest time.
 * Refused expressions are not kept: they are rare, and answered where they come in.
 */
export class FilterCache {
  readonly #bounds: FilterBounds;
  readonly #entriesMax: number;
  /** In the order of their last use, oldest first. */
  readonly #filters = new Map<string, Filter>();

  /** @param entriesMax 1 or more */
  constructor(bounds: FilterBounds, entriesMax: number) {
    if (!(entriesMax >= 1)) throw new RangeError(`entriesMax must be 1 or more, got ${entriesMax}`);
    this.#bounds = bounds;
    this.#entriesMax = entriesMax;
  }

  /** Number of filters held. */
  get size(): number {
    return this.#filters.size;
  }

  /**
   * The compiled filter; the same function as last time while it is held.
   * @throws FilterError see compileFilter
   */
  get(expression: string): Filter {
    const held = this.#filters.get(expression);
    const filter = held ?? compileFilter(expression, this.#bounds);
    if (held !== undefined) this.#filters.delete(expression);
    this.#filters.set(expression, filter);
    if (this.#filters.size > this.#entriesMax) this.#forgetOldest();
    return filter;
  }

  #forgetOldest(): void {
    const { value: oldest } = this.#filters.keys().next();
    if (oldest !== undefined) this.#filters.delete(oldest);
  }
}
