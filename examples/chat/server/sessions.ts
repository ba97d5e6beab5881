/** Who is signed in on which device: a random secret for each, of which the database has a hash. */
import { createHash, randomBytes } from 'node:crypto';
import { text, type Store } from './store.ts';

const secretBytes = 32;
const lifetimeMs = 30 * 24 * 3_600_000;
/** A person with more devices is signed out on the one that expires first. */
const sessionsPerPersonMax = 20;

export class Sessions {
  readonly #store: Store;
  readonly #nowMs: () => number;

  constructor(store: Store, nowMs: () => number = Date.now) {
    this.#store = store;
    this.#nowMs = nowMs;
  }

  /** Returns the secret, which is not to be had again. */
  open(person: string): string {
    const secret = randomBytes(secretBytes).toString('base64url');
    const nowMs = this.#nowMs();
    this.#store.run('DELETE FROM sessions WHERE expires_ms <= ?', nowMs);
    const insert = 'INSERT INTO sessions VALUES (?, ?, ?)';
    this.#store.run(insert, hashOf(secret), person, nowMs + lifetimeMs);
    const trim = `
      DELETE FROM sessions WHERE person = ? AND hash NOT IN (
        SELECT hash FROM sessions WHERE person = ? ORDER BY expires_ms DESC, rowid DESC LIMIT ?)`;
    this.#store.run(trim, person, person, sessionsPerPersonMax);
    return secret;
  }

  /** The id of who is signed in with it; undefined: nobody, or not any more. */
  personOf(secret: string): string | undefined {
    const sql = 'SELECT person FROM sessions WHERE hash = ? AND expires_ms > ?';
    return this.#store.first(sql, [hashOf(secret), this.#nowMs()], (row) => text(row, 'person'));
  }

  close(secret: string): void {
    this.#store.run('DELETE FROM sessions WHERE hash = ?', hashOf(secret));
  }
}

function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}
