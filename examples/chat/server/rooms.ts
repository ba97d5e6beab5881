/** The rooms and who is in them: open ones for everybody to join, private ones for their members. */
import { peopleOf, type ConversationName, type Room } from '../shared/schema.ts';
import { text, type Row, type Store } from './store.ts';

export class Rooms {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  add(conversation: ConversationName, name: string, purpose: string): void {
    this.#store.run('INSERT INTO rooms VALUES (?, ?, ?)', conversation, name, purpose);
  }

  /** All open ones, and the private ones of this person. */
  visibleTo(person: string): readonly Room[] {
    return this.#store
      .all('SELECT * FROM rooms ORDER BY name', [], (row) => this.#toRoom(row))
      .filter(({ isPrivate, members }) => !isPrivate || members.includes(person));
  }

  /** The room of this name, if this person may see it. */
  get(conversation: string, person: string): Room | undefined {
    return this.visibleTo(person).find((room) => room.conversation === conversation);
  }

  join(conversation: string, person: string): void {
    this.#store.run('INSERT OR IGNORE INTO memberships VALUES (?, ?)', conversation, person);
  }

  leave(conversation: string, person: string): void {
    const sql = 'DELETE FROM memberships WHERE conversation = ? AND person = ?';
    this.#store.run(sql, conversation, person);
  }

  /** True when this person takes part in the conversation: a room, or a direct one. */
  takesPart(conversation: string, person: string): boolean {
    const pair = peopleOf(conversation);
    if (pair !== undefined) return pair.includes(person);
    return this.get(conversation, person)?.members.includes(person) ?? false;
  }

  #toRoom(row: Row): Room {
    // The table has names of conversations only.
    const conversation = text(row, 'conversation') as ConversationName;
    const sql = 'SELECT person FROM memberships WHERE conversation = ? ORDER BY person';
    return {
      conversation,
      name: text(row, 'name'),
      purpose: text(row, 'purpose'),
      isPrivate: conversation.startsWith('private.'),
      members: this.#store.all(sql, [conversation], (each) => text(each, 'person')),
    };
  }
}
