/** What one can be notified about, who is, and which notifications are read. */
import type { Topic } from '../shared/schema.ts';
import { number, text, type Store } from './store.ts';

/** Older marks are of notifications that the gateway does not keep any more. */
const readMarkMsMax = 31 * 24 * 3_600_000;

export class Topics {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  add(id: string, name: string, purpose: string): void {
    this.#store.run('INSERT INTO topics VALUES (?, ?, ?)', id, name, purpose);
  }

  /** As this person sees them. */
  of(person: string): readonly Topic[] {
    const sql = `
      SELECT id, name, purpose, person IS NOT NULL AS is_subscribed FROM topics
      LEFT JOIN subscriptions ON topic = id AND person = ? ORDER BY name`;
    return this.#store.all(sql, [person], (row) => ({
      id: text(row, 'id'),
      name: text(row, 'name'),
      purpose: text(row, 'purpose'),
      isSubscribed: number(row, 'is_subscribed') === 1,
    }));
  }

  get(id: string, person: string): Topic | undefined {
    return this.of(person).find((topic) => topic.id === id);
  }

  subscribe(id: string, person: string): void {
    this.#store.run('INSERT OR IGNORE INTO subscriptions VALUES (?, ?)', id, person);
  }

  unsubscribe(id: string, person: string): void {
    this.#store.run('DELETE FROM subscriptions WHERE topic = ? AND person = ?', id, person);
  }

  subscribersOf(id: string): readonly string[] {
    const sql = 'SELECT person FROM subscriptions WHERE topic = ? ORDER BY person';
    return this.#store.all(sql, [id], (row) => text(row, 'person'));
  }

  /** Ids of notifications, as the gateway gave them. */
  readBy(person: string): readonly string[] {
    const sql = 'SELECT id FROM notices_read WHERE person = ? ORDER BY id';
    return this.#store.all(sql, [person], (row) => text(row, 'id'));
  }

  markRead(person: string, ids: readonly string[], nowMs: number): void {
    const sql = 'INSERT OR IGNORE INTO notices_read VALUES (?, ?, ?)';
    for (const id of ids) this.#store.run(sql, person, id, nowMs);
    this.#store.run('DELETE FROM notices_read WHERE at_ms < ?', nowMs - readMarkMsMax);
  }
}
