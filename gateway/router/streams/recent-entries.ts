/**
 * The newest entries of one stream, kept on the node so that who comes back after a short time costs
 * the store nothing. A run without holes: `base` is the place before its first entry. Bounded by
 * bytes of its own, and by a budget that all streams of the node share.
 */
import type { Position, StreamEntry } from '../../../backplanes/stream-store.ts';
import type { RingBudget } from '../backlog.ts';

/** What an entry costs beside its envelope, and the frame that resumers are given of it. */
const entryOverheadBytes = 200;
const copiesPerEntry = 2;
/** What is left when the oldest entries are dropped. */
const keptShare = 7 / 8;

type Place = Pick<Position, 'offset' | 'tag'>;

export class RecentEntries {
  readonly #bytesMax: number;
  readonly #budget: RingBudget;
  #base: Place;
  #entries: StreamEntry[] = [];
  #bytes = 0;

  constructor(base: Place, bytesMax: number, budget: RingBudget) {
    this.#base = base;
    this.#bytesMax = bytesMax;
    this.#budget = budget;
  }

  /** The place before the oldest entry. */
  get base(): Place {
    return this.#base;
  }

  get size(): number {
    return this.#entries.length;
  }

  /** Its share of the budget. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Keeps one more, which follows the last; its bytes are copied. */
  append(entry: StreamEntry): void {
    this.#entries.push(owned(entry));
    this.#count(cost(entry));
    if (this.#bytes <= this.#bytesMax && this.#budget.bytes <= this.#budget.bytesMax) return;
    // More than needed, so that moving the rest is paid for by many appends.
    const wanted = Math.min(this.#bytes, this.#bytesMax) * keptShare;
    let dropped = 0;
    for (const oldest of this.#entries) {
      if (this.#bytes <= wanted) break;
      this.#count(-cost(oldest));
      this.#base = oldest;
      dropped += 1;
    }
    this.#entries.splice(0, dropped);
  }

  /**
   * Puts older entries in front; the last of them is followed by the first that is kept. Takes as
   * many of the newest as fit, and keeps everything that it had.
   * @param base the place before the first of `older`.
   */
  prepend(base: Place, older: readonly StreamEntry[]): void {
    let first = older.length;
    while (first > 0) {
      const candidate = older[first - 1];
      if (candidate === undefined || !this.#hasRoomFor(cost(candidate))) break;
      this.#count(cost(candidate));
      first -= 1;
    }
    if (first === older.length) return;
    this.#base = first === 0 ? base : (older[first - 1] ?? base);
    this.#entries = [...older.slice(first).map(owned), ...this.#entries];
  }

  /** The tag of an entry, or of the base; undefined: nothing is known of this offset. */
  tagAt(offset: number): number | undefined {
    if (offset === this.#base.offset) return this.#base.tag;
    const entry = this.#entries[this.#indexAfter(offset) - 1];
    return entry?.offset === offset ? entry.tag : undefined;
  }

  /** All entries after a place that lies in this run; undefined: it cannot be said that it does. */
  after(place: Place): readonly StreamEntry[] | undefined {
    if (this.tagAt(place.offset) !== place.tag) return undefined;
    return this.#entries.slice(this.#indexAfter(place.offset));
  }

  /** Places of this run, the newest first. */
  places(): Place[] {
    return [...this.#entries.map(({ offset, tag }) => ({ offset, tag })).toReversed(), this.#base];
  }

  /** Forgets what is behind an offset: it is not history any more. */
  cutAfter(offset: number): void {
    const rest = this.#entries.splice(this.#indexAfter(offset));
    for (const entry of rest) this.#count(-cost(entry));
  }

  /** Begins anew behind a place. */
  reset(base: Place): void {
    this.#count(-this.#bytes);
    this.#entries = [];
    this.#base = base;
  }

  #hasRoomFor(bytes: number): boolean {
    return (
      this.#bytes + bytes <= this.#bytesMax && this.#budget.bytes + bytes <= this.#budget.bytesMax
    );
  }

  /** Index of the first entry behind an offset. */
  #indexAfter(offset: number): number {
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#entries[middle]?.offset ?? Number.POSITIVE_INFINITY) <= offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #count(bytes: number): void {
    this.#bytes += bytes;
    this.#budget.bytes += bytes;
  }
}

function owned(entry: StreamEntry): StreamEntry {
  const bytes = Buffer.allocUnsafeSlow(entry.bytes.length);
  bytes.set(entry.bytes);
  return { ...entry, bytes };
}

function cost(entry: StreamEntry): number {
  return entry.bytes.length * copiesPerEntry + entryOverheadBytes;
}
