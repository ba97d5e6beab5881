/**
 * All streams of one process; what several memory stores have in common. It holds their number and
 * their bytes within bounds: what has not been used for longest goes first.
 */
import { randomUUID } from 'node:crypto';
import { encodeStoredEnvelope, publicationTag } from '../stored-envelope.ts';
import type { Appended, Position, StreamRef } from '../stream-store.ts';
import { GoneIds } from './gone-ids.ts';
import { costOf, MemoryStream, type KeptEntry } from './memory-stream.ts';

export interface MemoryStreamOptions {
  /** Ms since 1970; never goes back. */
  readonly nowMs?: () => number;
  /** Epoch of a new stream. */
  readonly newEpoch?: () => string;
  /** Streams that are known at once. */
  readonly streamsMax?: number;
  /** What all entries together may cost in memory, about, in bytes. */
  readonly bytesMax?: number;
  /** Ids that are remembered although their entries are gone; at most twice as many are. */
  readonly goneIdsMax?: number;
}

/** Gives the stored envelope to every node with interest in the key. */
export type PublishLive = (key: string, bytes: Uint8Array) => void;

export type MemoryStreamCounters = {
  appended: number;
  duplicates: number;
  /** Entries taken by retention, or because all entries cost too much. */
  dropped: number;
  /** Streams forgotten because there were too many: their epochs are lost. */
  forgotten: number;
};

const hourMs = 3_600_000;
/** How long a stream without entries keeps its epoch after retention would have taken the last. */
const emptyMsMax = 24 * hourMs;
/** How long an id is remembered after it was stored, although its entry is gone. */
const goneIdMsMax = 300_000;
/** Uses that lie closer together count as one. */
const usedMsMin = 1000;
const sweepEveryMs = 1000;
/** Streams looked at in one sweep. */
const sweptMax = 5000;
/** When there are too many streams, one in so many is forgotten at a time. */
const forgottenParts = 500;
/** What is left of the bytes when they were too many. */
const keptShare = 7 / 8;

const defaults = {
  // The wall clock as it was at the start, so that setting it later drops nothing.
  nowMs: (): number => Math.round(performance.timeOrigin + performance.now()),
  newEpoch: (): string => randomUUID().replaceAll('-', '').slice(0, 16),
  streamsMax: 500_000,
  bytesMax: 1024 * 1024 * 1024,
  goneIdsMax: 50_000,
};

export class MemoryStreamBroker {
  readonly counters: MemoryStreamCounters = {
    appended: 0,
    duplicates: 0,
    dropped: 0,
    forgotten: 0,
  };
  readonly #options: typeof defaults;
  readonly #publish: PublishLive;
  /** The one that has not been used for longest is the first. */
  readonly #streams = new Map<string, MemoryStream>();
  readonly #goneIds: GoneIds;
  #bytes = 0;
  #stores = 0;
  #timer: NodeJS.Timeout | undefined;
  #unswept: Iterator<MemoryStream> | undefined;

  constructor(publish: PublishLive, options: MemoryStreamOptions = {}) {
    this.#publish = publish;
    this.#options = { ...defaults, ...options };
    const { goneIdsMax } = this.#options;
    this.#goneIds = new GoneIds({ idsMax: goneIdsMax, ageMsMax: goneIdMsMax });
  }

  /** Streams that are known. */
  get size(): number {
    return this.#streams.size;
  }

  /** What the entries cost in memory, about. */
  get bytes(): number {
    return this.#bytes;
  }

  /** One more store uses it. Without any nothing is swept, and no timer runs. */
  attach(): void {
    this.#stores += 1;
    this.#timer ??= setInterval(() => this.sweep(), sweepEveryMs).unref();
  }

  detach(): void {
    this.#stores -= 1;
    if (this.#stores > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** The stream as it is now: without what is over the bounds of its class. */
  open({ key, retention }: StreamRef): MemoryStream {
    const nowMs = this.#options.nowMs();
    let stream = this.#streams.get(key);
    if (stream === undefined) {
      stream = new MemoryStream(key, this.#options.newEpoch(), retention, nowMs);
      this.#streams.set(key, stream);
    } else {
      stream.retention = retention;
      this.#trim(stream, nowMs);
      if (nowMs - stream.usedAtMs >= usedMsMin) {
        stream.usedAtMs = nowMs;
        this.#streams.delete(key);
        this.#streams.set(key, stream);
      }
    }
    if (this.#streams.size > this.#options.streamsMax) this.#forgetOldest();
    return stream;
  }

  /** Stores a copy, and publishes it live in the same step. */
  append(ref: StreamRef, bytes: Uint8Array, id: string): Appended {
    const stream = this.open(ref);
    const first = this.#find(stream, id);
    if (first !== undefined) {
      this.counters.duplicates += 1;
      return { ...first, isDuplicate: true };
    }
    const prev = stream.newest.offset;
    const entry: KeptEntry = {
      epoch: stream.epoch,
      offset: prev + 1,
      prev,
      tag: publicationTag(id),
      storedAtMs: this.#options.nowMs(),
      // Memory of its own: what comes may be a view of something larger.
      bytes: new Uint8Array(bytes),
      id,
    };
    stream.add(entry);
    this.#bytes += costOf(entry);
    this.counters.appended += 1;
    this.#trim(stream, entry.storedAtMs);
    if (this.#bytes > this.#options.bytesMax) this.#dropLongUnused();
    this.#publish(stream.key, encodeStoredEnvelope(entry));
    return { position: placeOf(entry), prev, isDuplicate: false };
  }

  /** Drops all entries of a stream. */
  purge(ref: StreamRef): void {
    const stream = this.open(ref);
    for (let taken = stream.takeOldest(); taken !== undefined; taken = stream.takeOldest()) {
      this.#drop(stream, taken);
    }
  }

  /** Drops what is too old in some streams, the next ones each time; forgets long unused ones. */
  sweep(): void {
    const nowMs = this.#options.nowMs();
    this.#goneIds.sweep(nowMs);
    this.#unswept ??= this.#streams.values();
    for (let count = 0; count < sweptMax; count += 1) {
      const next = this.#unswept.next();
      if (next.done === true) {
        this.#unswept = undefined;
        return;
      }
      const stream = next.value;
      this.#trim(stream, nowMs);
      const idleMs = nowMs - stream.usedAtMs;
      const isForgotten = stream.size === 0 && idleMs > stream.retention.ageMsMax + emptyMsMax;
      if (isForgotten) this.#streams.delete(stream.key);
    }
  }

  #find(stream: MemoryStream, id: string): Omit<Appended, 'isDuplicate'> | undefined {
    const kept = stream.find(id);
    if (kept !== undefined) return { position: placeOf(kept), prev: kept.prev };
    const gone = this.#goneIds.find(stream.key, id, this.#options.nowMs());
    if (gone?.position.epoch !== stream.epoch) return undefined;
    const { position, prev } = gone;
    return { position, prev };
  }

  #trim(stream: MemoryStream, nowMs: number): void {
    for (let over = stream.takeOver(nowMs); over !== undefined; over = stream.takeOver(nowMs)) {
      this.#drop(stream, over);
    }
  }

  /** An entry was taken out of its stream. */
  #drop(stream: MemoryStream, entry: KeptEntry): void {
    const { id, prev, storedAtMs } = entry;
    this.#bytes -= costOf(entry);
    this.counters.dropped += 1;
    if (this.#options.nowMs() - storedAtMs >= goneIdMsMax) return;
    this.#goneIds.add(stream.key, id, { position: placeOf(entry), prev, storedAtMs });
  }

  /** There are too many streams. */
  #forgetOldest(): void {
    // More than one: the way to the first of a map leads over all that were taken out before.
    let left = Math.max(1, Math.floor(this.#options.streamsMax / forgottenParts));
    for (const stream of this.#streams.values()) {
      this.#bytes -= stream.cost;
      this.#streams.delete(stream.key);
      this.counters.forgotten += 1;
      left -= 1;
      if (left === 0) return;
    }
  }

  /** All entries together cost too much: those of streams that were not used for longest go. */
  #dropLongUnused(): void {
    // More than needed, so that passing over streams without entries is paid for by many appends.
    const wanted = this.#options.bytesMax * keptShare;
    for (const stream of this.#streams.values()) {
      while (this.#bytes > wanted) {
        const oldest = stream.takeOldest();
        if (oldest === undefined) break;
        this.#drop(stream, oldest);
      }
      if (this.#bytes <= wanted) return;
    }
  }
}

function placeOf({ epoch, offset, tag }: KeptEntry): Position {
  return { epoch, offset, tag };
}
