/**
 * The truth about the streams of a simulated broker: what is retained, and everything that ever was
 * in the present history, so that a reader can be held against it.
 */
import { publicationTag } from '../../backplanes/stored-envelope.ts';
import type {
  Appended,
  HistoryPage,
  HistoryRequest,
  Position,
  ReadRequest,
  ReadResult,
  StreamEntry,
  StreamTop,
} from '../../backplanes/stream-store.ts';

export interface TrueEntry extends StreamEntry {
  readonly id: string;
  isRetained: boolean;
}

/** One stream of one history. */
interface Line {
  epoch: string;
  entries: TrueEntry[];
}

export interface HistoriesOptions {
  /** True: all streams share one epoch and one sequence, as on JetStream. */
  readonly isShared: boolean;
  readonly messagesMax: number;
  readonly ageMsMax: number;
  readonly nowMs: () => number;
}

export class Histories {
  readonly #options: HistoriesOptions;
  #lines = new Map<string, Line>();
  #epochs = 0;
  #sharedEpoch = 'e0';
  #sequence = 0;
  #lastTag = 0;

  constructor(options: HistoriesOptions) {
    this.#options = options;
  }

  get keys(): string[] {
    return [...this.#lines.keys()];
  }

  append(key: string, bytes: Uint8Array, id: string): Appended & { readonly entry: TrueEntry } {
    const line = this.#line(key);
    const known = line.entries.find((entry) => entry.id === id);
    if (known !== undefined) {
      return { position: known, prev: known.prev, isDuplicate: true, entry: known };
    }
    const { isShared, messagesMax, nowMs } = this.#options;
    this.#expire(line);
    const before = line.entries.at(-1);
    this.#sequence += 1;
    const offset = isShared ? this.#sequence : (before?.offset ?? 0) + 1;
    const entry: TrueEntry = {
      epoch: line.epoch,
      offset,
      prev: isShared ? line.entries.findLast(isRetained)?.offset : (before?.offset ?? 0),
      tag: publicationTag(id),
      storedAtMs: nowMs(),
      bytes: new Uint8Array(bytes),
      id,
      isRetained: true,
    };
    this.#lastTag = entry.tag;
    line.entries.push(entry);
    const kept = line.entries.filter(isRetained);
    for (const old of kept.slice(0, -messagesMax)) old.isRetained = false;
    return { position: entry, prev: entry.prev, isDuplicate: false, entry };
  }

  read(key: string, { after, limit, upTo = Number.POSITIVE_INFINITY }: ReadRequest): ReadResult {
    const line = this.#line(key);
    this.#expire(line);
    const top = this.top(key);
    if (!this.#knows(line, after)) return { status: 'diverged', top };
    const wanted = line.entries.filter(({ offset }) => offset > after.offset && offset <= upTo);
    const kept = wanted.filter(isRetained);
    return {
      status: 'read',
      entries: kept.slice(0, limit).map((entry, index) => this.#asRead(entry, index, after)),
      isComplete: wanted.every(isRetained),
      hasMore: kept.length > limit,
      top,
    };
  }

  readBack(key: string, { before = Number.POSITIVE_INFINITY, limit }: HistoryRequest): HistoryPage {
    const line = this.#line(key);
    this.#expire(line);
    const kept = line.entries.filter((entry) => entry.isRetained && entry.offset < before);
    const entries = kept.slice(-limit).toReversed();
    return { entries, hasMore: kept.length > entries.length, top: this.top(key) };
  }

  top(key: string): StreamTop {
    const line = this.#line(key);
    this.#expire(line);
    const last = line.entries.at(-1);
    const newest = {
      epoch: line.epoch,
      offset: last?.offset ?? 0,
      tag: last?.tag ?? 0,
    };
    const end = this.#options.isShared
      ? { epoch: line.epoch, offset: this.#sequence, tag: this.#lastTag }
      : newest;
    return { newest, end, oldest: line.entries.find(isRetained)?.offset };
  }

  purge(key: string): void {
    for (const entry of this.#line(key).entries) entry.isRetained = false;
  }

  /** Entries of the present history in (from, to]. */
  between(key: string, from: number, to: number): readonly TrueEntry[] {
    return this.#line(key).entries.filter(({ offset }) => offset > from && offset <= to);
  }

  /** Whether a place lies in the present history. */
  has(key: string, place: Position): boolean {
    return this.#knows(this.#line(key), place);
  }

  /** A copy of everything, to come back to. */
  snapshot(): () => void {
    const lines = [...this.#lines].map(
      ([key, { entries, epoch }]) =>
        [key, { epoch, entries: entries.map((entry) => ({ ...entry })) }] as const,
    );
    const [sequence, lastTag] = [this.#sequence, this.#lastTag];
    const epoch = this.#sharedEpoch;
    return () => {
      this.#lines = new Map(lines.map(([key, line]) => [key, copyOf(line)]));
      [this.#sequence, this.#lastTag, this.#sharedEpoch] = [sequence, lastTag, epoch];
    };
  }

  /** The broker has lost everything. */
  wipe(): void {
    this.#lines.clear();
    this.#sequence = 0;
    this.#lastTag = 0;
    this.#sharedEpoch = this.#newEpoch();
  }

  #line(key: string): Line {
    let line = this.#lines.get(key);
    if (line === undefined) {
      const epoch = this.#options.isShared ? this.#sharedEpoch : this.#newEpoch();
      line = { epoch, entries: [] };
      this.#lines.set(key, line);
    }
    return line;
  }

  #newEpoch(): string {
    this.#epochs += 1;
    return `e${this.#epochs}`;
  }

  #expire({ entries }: Line): void {
    const before = this.#options.nowMs() - this.#options.ageMsMax;
    for (const entry of entries) if (entry.storedAtMs < before) entry.isRetained = false;
  }

  /** A store with one sequence for all chains what it reads, and knows no other predecessors. */
  #asRead(entry: TrueEntry, index: number, after: Position): TrueEntry {
    return this.#options.isShared && index === 0 ? { ...entry, prev: after.offset } : entry;
  }

  #knows(line: Line, { epoch, offset, tag }: Position): boolean {
    if (epoch !== line.epoch) return false;
    if (offset === 0) return tag === 0;
    if (!this.#options.isShared) {
      return line.entries.find((entry) => entry.offset === offset)?.tag === tag;
    }
    for (const { entries } of this.#lines.values()) {
      const entry = entries.find((each) => each.offset === offset);
      if (entry !== undefined) return entry.tag === tag;
    }
    return false;
  }
}

function isRetained(entry: TrueEntry): boolean {
  return entry.isRetained;
}

function copyOf({ entries, epoch }: Line): Line {
  return { epoch, entries: entries.map((entry) => ({ ...entry })) };
}
