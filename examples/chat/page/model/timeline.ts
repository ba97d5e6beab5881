/**
 * The messages of one conversation on this page: each once, in the order of the stream, with those
 * that are being sent at the end. Live messages, pages of history and the page's own meet here.
 */
import type { Place } from '../../shared/schema.ts';

/** A message as the gateway has it. */
export interface Received {
  /** The gateway's. */
  readonly id: string;
  /** Chosen by the sender's page; a message that is being sent is recognised by it. */
  readonly key: string | undefined;
  readonly from: string;
  readonly text: string;
  readonly timeMs: number;
  readonly place: Place;
}

export type EntryStatus = 'sending' | 'sent' | 'failed';

export interface Entry {
  /** Stays the same from the sending on. */
  readonly key: string;
  readonly from: string;
  readonly text: string;
  readonly timeMs: number;
  /** Undefined until it was sent. */
  readonly place: Place | undefined;
  readonly status: EntryStatus;
}

interface Placed extends Entry {
  readonly place: Place;
}

/** More are not kept; the oldest are loaded again when somebody scrolls up. */
const entriesMax = 600;

export class Timeline {
  #placed: readonly Placed[] = [];
  #pending: readonly Entry[] = [];
  #hasOlder = false;
  #restarts = 0;

  /** How often it was started anew. */
  get restarts(): number {
    return this.#restarts;
  }

  /** Oldest first. */
  get entries(): readonly Entry[] {
    return [...this.#placed, ...this.#pending];
  }

  /** The gateway has older ones than those that are here. */
  get hasOlder(): boolean {
    return this.#hasOlder;
  }

  get oldest(): Place | undefined {
    return this.#placed[0]?.place;
  }

  get newest(): Place | undefined {
    return this.#placed.at(-1)?.place;
  }

  /** The newest one of somebody else. */
  newestNotFrom(person: string): Place | undefined {
    return this.#placed.findLast(({ from }) => from !== person)?.place;
  }

  /** How many of other people come after the place; all of them without one. */
  unreadBy(person: string, read: Place | undefined): number {
    return this.#placed.filter(({ from, place }) => from !== person && isAfter(place, read)).length;
  }

  /** The first of other people after the place. */
  firstUnreadBy(person: string, read: Place | undefined): Entry | undefined {
    return this.#placed.find(({ from, place }) => from !== person && isAfter(place, read));
  }

  /** Returns false when it was here before. */
  add(message: Received): boolean {
    const isNew = this.#insert(message);
    if (this.#placed.length > entriesMax) {
      this.#placed = this.#placed.slice(-entriesMax);
      this.#hasOlder = true;
    }
    return isNew;
  }

  /** A page of history, in any order; `hasOlder`: there is more before it. */
  addPage(messages: readonly Received[], hasOlder: boolean): void {
    for (const message of messages) this.#insert(message);
    this.#hasOlder = hasOlder;
  }

  /** Messages may be missing: what was here is loaded anew. */
  restart(): void {
    this.#restarts += 1;
    this.#placed = [];
    this.#hasOlder = false;
  }

  /** One of this page's own is on its way; also when it is tried again. */
  send(own: Pick<Entry, 'key' | 'from' | 'text' | 'timeMs'>): void {
    if (this.#placed.some(({ key }) => key === keyOf(own.from, own.key, ''))) return;
    const entry = { ...own, key: keyOf(own.from, own.key, ''), place: undefined } as const;
    const others = this.#pending.filter(({ key }) => key !== entry.key);
    this.#pending = [...others, { ...entry, status: 'sending' }];
  }

  /** It could not be sent. Nothing happens when it has come through all the same. */
  fail(from: string, key: string): void {
    const failed = keyOf(from, key, '');
    this.#pending = this.#pending.map((each) =>
      each.key === failed ? { ...each, status: 'failed' } : each,
    );
  }

  #insert(message: Received): boolean {
    const { from, id, place, text, timeMs } = message;
    // Places of two histories cannot be put in order; the newer history holds.
    if (this.#placed.some((each) => each.place.epoch !== place.epoch)) this.#placed = [];
    const key = keyOf(from, message.key, id);
    this.#pending = this.#pending.filter((each) => each.key !== key);
    if (this.#placed.some((each) => each.key === key || each.place.offset === place.offset)) {
      return false;
    }
    const index = this.#placed.findLastIndex((each) => each.place.offset < place.offset) + 1;
    this.#placed = this.#placed.toSpliced(index, 0, {
      key,
      from,
      text,
      timeMs,
      place,
      status: 'sent',
    });
    return true;
  }
}

/** Keys are chosen by pages, so they are unique for one sender only. */
function keyOf(from: string, key: string | undefined, id: string): string {
  return key === undefined ? id : `${from}/${key}`;
}

/** True also when the two cannot be compared: nothing of this history was read. */
export function isAfter(place: Place, mark: Place | undefined): boolean {
  return mark === undefined || mark.epoch !== place.epoch || place.offset > mark.offset;
}
