/** A destination's messages with their places, as a stream store has them; bounded. */
import type { DataType, Position } from '../wire.ts';

/** What was published, before anybody is given it. */
export interface Publication {
  readonly id: string;
  readonly dataType: DataType;
  /** As it is on the wire. */
  readonly data: unknown;
  readonly metadata: Readonly<Record<string, string>> | undefined;
  /** Undefined: the server; null: a connection without a user. */
  readonly fromUserId: string | null | undefined;
  /** The connection that must not get it. */
  readonly exceptConnectionId: string | undefined;
  readonly expiresAtMs: number;
}

export interface Entry extends Publication {
  readonly offset: number;
  readonly prev: number;
  readonly tag: number;
  readonly time: number;
}

export interface RangeRequest {
  readonly after?: Position | undefined;
  readonly before?: number | undefined;
  readonly limit: number;
  readonly reverse?: boolean | undefined;
}

/** What can be read of a range. */
export interface Range {
  readonly entries: readonly Entry[];
  /** False: retention has taken some of it. */
  readonly isComplete: boolean;
  readonly hasMore: boolean;
}

export class TestStream {
  readonly #epoch: string;
  readonly #entriesMax: number;
  #entries: Entry[] = [];
  /** The last entry that is not retained any more. */
  #base = { offset: 0, tag: 0 };

  constructor(epoch: string, entriesMax: number) {
    this.#epoch = epoch;
    this.#entriesMax = entriesMax;
  }

  /** Where it ends now. */
  get position(): Position {
    const { offset, tag } = this.#entries.at(-1) ?? this.#base;
    return { epoch: this.#epoch, offset, tag };
  }

  /** The place after this entry. */
  placeOf({ offset, tag }: Entry): Position {
    return { epoch: this.#epoch, offset, tag };
  }

  append(publication: Publication, time: number): Entry {
    const { offset: prev, tag } = this.position;
    // Tags tell histories apart; any number that differs from the last one will do.
    const entry = { ...publication, offset: prev + 1, prev, tag: (tag * 31 + 17) % 2 ** 32, time };
    this.#entries.push(entry);
    if (this.#entries.length > this.#entriesMax) this.#drop(1);
    return entry;
  }

  /** Retention takes everything; the place stays. */
  forget(): void {
    this.#drop(this.#entries.length);
  }

  /** Everything after this place; undefined where that cannot be had completely. */
  since(position: Position): readonly Entry[] | undefined {
    if (!this.#knows(position) || position.offset < this.#base.offset) return undefined;
    return this.#entries.filter(({ offset }) => offset > position.offset);
  }

  /** What is retained of a range; undefined: `after` is a place in another history. */
  read({ after, before = Infinity, limit, reverse = false }: RangeRequest): Range | undefined {
    if (after !== undefined && !this.#knows(after)) return undefined;
    const first = after?.offset ?? 0;
    const found = this.#entries.filter(({ offset }) => offset > first && offset < before);
    return {
      entries: (reverse ? found.toReversed() : found).slice(0, limit),
      // Who did not say where to begin asks for what there is.
      isComplete: after === undefined || first >= this.#base.offset,
      hasMore: found.length > limit,
    };
  }

  /** A place whose entry is not retained any more cannot be told from another history's. */
  #knows({ epoch, offset, tag }: Position): boolean {
    if (epoch !== this.#epoch || offset > this.position.offset) return false;
    const entry = this.#entries.find((each) => each.offset === offset);
    if (offset === this.#base.offset) return this.#base.tag === tag;
    return entry === undefined || entry.tag === tag;
  }

  #drop(count: number): void {
    const last = this.#entries.splice(0, count).at(-1);
    if (last !== undefined) this.#base = { offset: last.offset, tag: last.tag };
  }
}
