/**
 * Reads of the store for those who join streams, one at a time for each stream and the longest way
 * first: what it brings is kept among the recent entries, and serves all who wait behind it.
 */
import type { Position, ReadResult, StreamStore } from '../../../backplanes/stream-store.ts';
import { readEntries } from './read-entries.ts';
import type { StreamCounters } from './stream-counters.ts';
import type { StreamState } from './stream-state.ts';

/** What a read brought. */
export interface Reading {
  readonly result: ReadResult;
  /** Where the reader is when it has been given everything, and there is no more. */
  readonly end: Position;
}

interface Waiter {
  readonly cursor: Position;
  /** undefined: the recent entries reach back to the cursor now. */
  readonly resolve: (reading: Reading | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/** Entries per read. */
const pageMax = 1000;

export class SharedReads {
  readonly #store: StreamStore;
  readonly #counters: StreamCounters;
  /** Who waits, for streams that are being read. */
  readonly #waiting = new Map<StreamState, Waiter[]>();

  constructor(options: { readonly store: StreamStore; readonly counters: StreamCounters }) {
    this.#store = options.store;
    this.#counters = options.counters;
  }

  /**
   * What comes after a cursor of the present epoch; undefined: the recent entries have it now.
   * @throws what the store throws.
   */
  read(state: StreamState, cursor: Position): Promise<Reading | undefined> {
    return new Promise((resolve, reject) => {
      const waiters = this.#waiting.get(state);
      const waiter: Waiter = { cursor, resolve, reject };
      if (waiters !== undefined) {
        waiters.push(waiter);
        return;
      }
      this.#waiting.set(state, [waiter]);
      void this.#serve(state);
    });
  }

  async #serve(state: StreamState): Promise<void> {
    for (;;) {
      const waiters = this.#waiting.get(state) ?? [];
      const first = lowest(waiters);
      if (first === undefined) break;
      const served = waiters.filter(({ cursor }) => isSame(cursor, first.cursor));
      this.#waiting.set(
        state,
        waiters.filter((waiter) => !served.includes(waiter)),
      );
      try {
        const reading =
          state.recent.after(first.cursor) === undefined
            ? await this.#readFor(state, first.cursor)
            : undefined;
        for (const { resolve } of served) resolve(reading);
      } catch (error) {
        for (const { reject } of served) reject(error);
      }
    }
    this.#waiting.delete(state);
  }

  async #readFor(state: StreamState, after: Position): Promise<Reading | undefined> {
    const { fanned, generation, recent } = state;
    const { base } = recent;
    const end = base.offset > after.offset ? { epoch: fanned.epoch, ...placeOf(base) } : fanned;
    this.#counters.catchUpReads += 1;
    const request = { after, upTo: end.offset, limit: pageMax };
    const result = await readEntries(this.#store, state.ref, request);
    const isBridge =
      result.status === 'read' &&
      result.isComplete &&
      !result.hasMore &&
      state.generation === generation &&
      recent.base === base &&
      end.offset === base.offset;
    if (isBridge) recent.prepend(after, result.entries);
    return isBridge && recent.after(after) !== undefined ? undefined : { result, end };
  }
}

function lowest(waiters: readonly Waiter[]): Waiter | undefined {
  return waiters.reduce<Waiter | undefined>(
    (low, each) => (low === undefined || each.cursor.offset < low.cursor.offset ? each : low),
    undefined,
  );
}

function isSame(a: Position, b: Position): boolean {
  return a.epoch === b.epoch && a.offset === b.offset && a.tag === b.tag;
}

function placeOf({ offset, tag }: Pick<Position, 'offset' | 'tag'>): Omit<Position, 'epoch'> {
  return { offset, tag };
}
