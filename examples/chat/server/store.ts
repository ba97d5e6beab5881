/** The SQLite database: its tables, and queries whose rows are read by name and type. */
import sqlite, { type SQLiteValue } from 'node-sqlite3-wasm';

const tables = `
  CREATE TABLE IF NOT EXISTS people (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, title TEXT NOT NULL, is_admin INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS sessions (
    hash TEXT PRIMARY KEY, person TEXT NOT NULL REFERENCES people, expires_ms INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS friendships (
    person TEXT NOT NULL REFERENCES people, friend TEXT NOT NULL REFERENCES people,
    PRIMARY KEY (person, friend)
  ) STRICT;
  CREATE TABLE IF NOT EXISTS rooms (
    conversation TEXT PRIMARY KEY, name TEXT NOT NULL, purpose TEXT NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS memberships (
    conversation TEXT NOT NULL REFERENCES rooms, person TEXT NOT NULL REFERENCES people,
    PRIMARY KEY (conversation, person)
  ) STRICT;
  CREATE TABLE IF NOT EXISTS marks (
    conversation TEXT NOT NULL, person TEXT NOT NULL REFERENCES people, kind TEXT NOT NULL,
    epoch TEXT NOT NULL, place INTEGER NOT NULL,
    PRIMARY KEY (conversation, person, kind)
  ) STRICT;
  CREATE TABLE IF NOT EXISTS topics (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, purpose TEXT NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS subscriptions (
    topic TEXT NOT NULL REFERENCES topics, person TEXT NOT NULL REFERENCES people,
    PRIMARY KEY (topic, person)
  ) STRICT;
  CREATE TABLE IF NOT EXISTS notices_read (
    person TEXT NOT NULL REFERENCES people, id TEXT NOT NULL, at_ms INTEGER NOT NULL,
    PRIMARY KEY (person, id)
  ) STRICT;
`;

export type Value = string | number;
export type Row = Readonly<Record<string, SQLiteValue>>;

export class Store {
  readonly #database: InstanceType<typeof sqlite.Database>;

  /** Without a file, in memory. Close it: it holds a lock on its file. */
  constructor(file?: string) {
    this.#database = new sqlite.Database(file);
    this.#database.exec(tables);
  }

  /** Every row, read by `read`. */
  all<T>(sql: string, values: readonly Value[], read: (row: Row) => T): readonly T[] {
    // Rows are flat unless they are asked for otherwise.
    return this.#database.all(sql, [...values]).map((row) => read(row as Row));
  }

  /** The first row, or undefined. */
  first<T>(sql: string, values: readonly Value[], read: (row: Row) => T): T | undefined {
    return this.all(sql, values, read)[0];
  }

  /** Returns how many rows it changed. */
  run(sql: string, ...values: readonly Value[]): number {
    return this.#database.run(sql, [...values]).changes;
  }

  close(): void {
    this.#database.close();
  }
}

/** A column of text. */
export function text(row: Row, column: string): string {
  return String(row[column]);
}

/** A column of numbers. */
export function number(row: Row, column: string): number {
  return Number(row[column]);
}
