/** Who there is, and who is whose friend. */
import type { Person } from '../shared/schema.ts';
import { number, text, type Row, type Store } from './store.ts';

export class People {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  all(): readonly Person[] {
    return this.#store.all('SELECT * FROM people ORDER BY name', [], toPerson);
  }

  get(id: string): Person | undefined {
    return this.#store.first('SELECT * FROM people WHERE id = ?', [id], toPerson);
  }

  isAdmin(id: string): boolean {
    const sql = 'SELECT is_admin FROM people WHERE id = ?';
    return this.#store.first(sql, [id], (row) => number(row, 'is_admin') === 1) ?? false;
  }

  /** Ids, without dots: they are parts of group names. */
  add({ id, name, title }: Person, isAdmin = false): void {
    this.#store.run('INSERT INTO people VALUES (?, ?, ?, ?)', id, name, title, Number(isAdmin));
  }

  friendsOf(id: string): readonly string[] {
    const sql = 'SELECT friend FROM friendships WHERE person = ? ORDER BY friend';
    return this.#store.all(sql, [id], (row) => text(row, 'friend'));
  }

  /** Both ways. Returns false when they were friends before. */
  befriend(one: string, other: string): boolean {
    const sql = 'INSERT OR IGNORE INTO friendships VALUES (?, ?), (?, ?)';
    return this.#store.run(sql, one, other, other, one) > 0;
  }
}

function toPerson(row: Row): Person {
  return { id: text(row, 'id'), name: text(row, 'name'), title: text(row, 'title') };
}
