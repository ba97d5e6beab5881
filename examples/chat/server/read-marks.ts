/** How far everybody has got in every conversation: one mark for all devices of a person. */
import { furthest, type Marks, type Place } from '../shared/schema.ts';
import { number, text, type Row, type Store } from './store.ts';

export type MarksByPerson = Readonly<Record<string, Marks>>;

const kinds = ['delivered', 'read'] as const;

export class ReadMarks {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Of everybody in this conversation. */
  of(conversation: string): MarksByPerson {
    const found: Record<string, Record<string, Place>> = {};
    const sql = 'SELECT person, kind, epoch, place FROM marks WHERE conversation = ?';
    for (const { person, kind, place } of this.#store.all(sql, [conversation], toMark)) {
      found[person] = { ...found[person], [kind]: place };
    }
    return found;
  }

  /**
   * Moves marks forward, never back; what is read was delivered. Returns what holds now, or
   * undefined when nothing has changed.
   */
  advance(conversation: string, person: string, marks: Marks): Marks | undefined {
    const known = this.of(conversation)[person] ?? {};
    const read = furthest(known.read, marks.read);
    const delivered = furthest(furthest(known.delivered, marks.delivered), read);
    const next = { delivered, read };
    const changed = kinds.filter((kind) => !isSame(known[kind], next[kind]));
    for (const kind of changed) this.#put(conversation, person, kind, next[kind]);
    return changed.length === 0 ? undefined : next;
  }

  #put(conversation: string, person: string, kind: string, place: Place | undefined): void {
    if (place === undefined) return;
    const sql = 'INSERT OR REPLACE INTO marks VALUES (?, ?, ?, ?, ?)';
    this.#store.run(sql, conversation, person, kind, place.epoch, place.offset);
  }
}

function isSame(one: Place | undefined, other: Place | undefined): boolean {
  return one?.epoch === other?.epoch && one?.offset === other?.offset;
}

function toMark(row: Row) {
  return {
    person: text(row, 'person'),
    kind: text(row, 'kind'),
    place: { epoch: text(row, 'epoch'), offset: number(row, 'place') },
  };
}
