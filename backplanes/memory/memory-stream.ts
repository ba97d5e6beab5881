/**
 * One stream in memory: its entries, oldest first, and what outlives them. Offsets have no holes
 * here; that is this store's business, and nobody else counts on it.
 */
import { answerBytesMax } from '../stream-store.ts';
import type {
  HistoryPage,
  HistoryRequest,
  Position,
  ReadRequest,
  ReadResult,
  RetentionClass,
  StreamEntry,
  StreamTop,
} from '../stream-store.ts';

/** An entry together with the id that it was appended under. */
export interface KeptEntry extends StreamEntry {
  readonly id: string;
}

/** What an entry costs beside its bytes and its id, about. */
const entryOverheadBytes = 300;

/** The memory that an entry holds on to, about. */
export function costOf({ bytes, id }: KeptEntry): number {
  return bytes.length + id.length + entryOverheadBytes;
}

export class MemoryStream {
  readonly key: string;
  readonly epoch: string;
  /** By the class that it was used with last. */
  retention: RetentionClass;
  usedAtMs: number;
  #entries: KeptEntry[] = [];
  /** Entries before this index are dropped already. */
  #head = 0;
  #bytes = 0;
  #cost = 0;
  #ids: Map<string, KeptEntry> | undefined;
  #newest: Position;

  constructor(key: string, epoch: string, retention: RetentionClass, usedAtMs: number) {
    this.key = key;
    this.epoch = epoch;
    this.retention = retention;
    this.usedAtMs = usedAtMs;
    this.#newest = { epoch, offset: 0, tag: 0 };
  }

  get newest(): Position {
    return this.#newest;
  }

  get top(): StreamTop {
    return { newest: this.#newest, end: this.#newest, oldest: this.#entries[this.#head]?.offset };
  }

  get size(): number {
    return this.#entries.length - this.#head;
  }

  /** The memory that its entries hold on to, about. */
  get cost(): number {
    return this.#cost;
  }

  /** The entry with this id, while it is kept. */
  find(id: string): KeptEntry | undefined {
    return this.#ids?.get(id);
  }

  /** Keeps one more, which follows the newest. */
  add(entry: KeptEntry): void {
    const { epoch, id, offset, tag } = entry;
    this.#entries.push(entry);
    this.#bytes += entry.bytes.length;
    this.#cost += costOf(entry);
    this.#ids ??= new Map();
    this.#ids.set(id, entry);
    this.#newest = { epoch, offset, tag };
  }

  /** Takes the oldest entry if it is over a bound of its class; undefined: none is. */
  takeOver(nowMs: number): KeptEntry | undefined {
    const oldest = this.#entries[this.#head];
    if (oldest === undefined) return undefined;
    const { ageMsMax, bytesMax, messagesMax } = this.retention;
    const isOver =
      this.size > messagesMax || this.#bytes > bytesMax || nowMs - oldest.storedAtMs >= ageMsMax;
    return isOver ? this.takeOldest() : undefined;
  }

  /** Takes the oldest entry; epoch and offsets go on. */
  takeOldest(): KeptEntry | undefined {
    const oldest = this.#entries[this.#head];
    if (oldest === undefined) return undefined;
    this.#head += 1;
    this.#bytes -= oldest.bytes.length;
    this.#cost -= costOf(oldest);
    this.#ids?.delete(oldest.id);
    if (this.size === 0) {
      this.#entries = [];
      this.#head = 0;
      this.#ids = undefined;
    } else if (this.#head * 2 >= this.#entries.length) {
      // Moving what is left is paid for by as many that were taken.
      this.#entries.splice(0, this.#head);
      this.#head = 0;
    }
    return oldest;
  }

  /** As `StreamStore.read`, of what is kept. */
  read({ after, limit, upTo = Infinity }: ReadRequest): ReadResult {
    const { top } = this;
    if (!this.#knows(after)) return { status: 'diverged', top };
    const first = top.oldest ?? top.newest.offset + 1;
    const begin = Math.max(after.offset + 1, first);
    const end = Math.min(upTo, top.newest.offset);
    const entries = this.#slice(begin, Math.min(end, begin + limit - 1), 1);
    return {
      status: 'read',
      entries,
      isComplete: after.offset >= first - 1,
      hasMore: begin + entries.length <= end,
      top,
    };
  }

  /** As `StreamStore.readBack`, of what is kept. */
  readBack({ before = Infinity, limit }: HistoryRequest): HistoryPage {
    const { top } = this;
    const first = top.oldest ?? top.newest.offset + 1;
    const begin = Math.min(before - 1, top.newest.offset);
    const entries = this.#slice(begin, Math.max(first, begin - limit + 1), -1);
    return { entries, hasMore: begin - entries.length >= first, top };
  }

  /** True: the position lies in this history. Where its entry is gone, only the offset tells. */
  #knows({ epoch, offset, tag }: Position): boolean {
    if (epoch !== this.epoch || offset > this.#newest.offset) return false;
    if (offset === this.#newest.offset) return tag === this.#newest.tag;
    const kept = this.#at(offset);
    return kept === undefined || kept.tag === tag;
  }

  #at(offset: number): KeptEntry | undefined {
    const oldest = this.#entries[this.#head];
    if (oldest === undefined || offset < oldest.offset) return undefined;
    return this.#entries[this.#head + offset - oldest.offset];
  }

  /** Entries from an offset to another, both included, as many as fit into one answer. */
  #slice(from: number, to: number, step: 1 | -1): StreamEntry[] {
    const entries: StreamEntry[] = [];
    let bytes = 0;
    for (let offset = from; step > 0 ? offset <= to : offset >= to; offset += step) {
      const entry = this.#at(offset);
      if (entry === undefined || bytes > answerBytesMax) break;
      bytes += entry.bytes.length;
      entries.push(entry);
    }
    return entries;
  }
}
