/**
 * Ids whose entries retention has taken: a repeat of one of them is still known as one, for a while.
 * Two generations take turns. Taking the oldest out of one large map, one by one, would cost more with
 * every id that is remembered: a map passes over all that were taken before.
 */
import type { Appended } from '../stream-store.ts';

/** What a repeat is answered with, and when the first one was stored (ms). */
export interface GoneId extends Omit<Appended, 'isDuplicate'> {
  readonly storedAtMs: number;
}

export interface GoneIdsOptions {
  /** The latest so many are remembered, and at most twice as many. */
  readonly idsMax: number;
  /** How long after it was stored, in ms. */
  readonly ageMsMax: number;
}

/** Ids by stream: looking one up makes no text of the two. */
class Generation {
  readonly byKey = new Map<string, Map<string, GoneId>>();
  size = 0;
  /** The latest of all. */
  storedAtMs = 0;

  add(key: string, id: string, gone: GoneId): void {
    let ids = this.byKey.get(key);
    if (ids === undefined) {
      ids = new Map();
      this.byKey.set(key, ids);
    }
    ids.set(id, gone);
    this.size += 1;
    this.storedAtMs = Math.max(this.storedAtMs, gone.storedAtMs);
  }

  find(key: string, id: string): GoneId | undefined {
    return this.byKey.get(key)?.get(id);
  }
}

export class GoneIds {
  readonly #options: GoneIdsOptions;
  #recent = new Generation();
  #older = new Generation();

  constructor(options: GoneIdsOptions) {
    this.#options = options;
  }

  /** Ids that are remembered, some of them longer than they need be. */
  get size(): number {
    return this.#recent.size + this.#older.size;
  }

  add(key: string, id: string, gone: GoneId): void {
    if (this.#recent.size >= this.#options.idsMax) this.#turn();
    this.#recent.add(key, id, gone);
  }

  find(key: string, id: string, nowMs: number): GoneId | undefined {
    const gone = this.#recent.find(key, id) ?? this.#older.find(key, id);
    return gone === undefined || this.#isOver(gone, nowMs) ? undefined : gone;
  }

  /** Forgets what needs not be remembered any more, as far as that costs nothing. */
  sweep(nowMs: number): void {
    if (this.#recent.size > 0 && this.#isOver(this.#recent, nowMs)) this.#turn();
    if (this.#older.size > 0 && this.#isOver(this.#older, nowMs)) this.#older = new Generation();
  }

  #isOver({ storedAtMs }: Pick<GoneId, 'storedAtMs'>, nowMs: number): boolean {
    return nowMs - storedAtMs >= this.#options.ageMsMax;
  }

  #turn(): void {
    this.#older = this.#recent;
    this.#recent = new Generation();
  }
}
