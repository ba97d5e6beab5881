/** What all connections of the test gateway share: who is where, and what was published. */
import { matchesPattern } from '../schema.ts';
import type { Position } from '../wire.ts';
import { TestPresence } from './test-presence.ts';
import { TestStream, type Entry, type Publication } from './test-stream.ts';

/** Where messages go in the hub; a user by name. */
export type Place =
  | { readonly kind: 'group'; readonly name: string }
  | { readonly kind: 'user'; readonly name: string }
  | { readonly kind: 'all'; readonly name: '' };

/** A connection, as the hub knows it. */
export interface Member {
  readonly connectionId: string;
  readonly userId: string | undefined;
  isIn(place: Place): boolean;
  /** A message of a place that it is in; a `Publication` without a place in a stream is live. */
  deliver(place: Place, message: Publication | Entry): void;
}

export interface TestHubOptions {
  /** The patterns of a schema, `@user` and `@hub`. */
  readonly streams: readonly string[];
  readonly retainedMax: number;
  readonly nowMs: () => number;
}

/** What became of a publication. */
export interface Accepted {
  readonly id: string;
  readonly position: Position | undefined;
}

/** How many publications are remembered to know a repeat. */
const idsMax = 10_000;

const keyOf = ({ kind, name }: Place): string => `${kind} ${name}`;

export class TestHub {
  readonly members = new Set<Member>();
  readonly presence: TestPresence;
  readonly #options: TestHubOptions;
  readonly #streams = new Map<string, TestStream>();
  readonly #accepted = new Map<string, Accepted>();
  #epochs = 0;
  #ids = 0;

  constructor(options: TestHubOptions) {
    this.#options = options;
    this.presence = new TestPresence(options.nowMs);
  }

  /** Undefined: the place is live. */
  streamOf(place: Place): TestStream | undefined {
    const { retainedMax, streams } = this.#options;
    const known = this.#streams.get(keyOf(place));
    if (known !== undefined || !streams.some((pattern) => isOf(pattern, place))) return known;
    const stream = new TestStream(`epoch-${(this.#epochs += 1)}`, retainedMax);
    this.#streams.set(keyOf(place), stream);
    return stream;
  }

  /** `repeatKey` equal to an earlier one: it was accepted then. */
  publish(place: Place, publication: Omit<Publication, 'id'>, repeatKey?: string): Accepted {
    const before = repeatKey === undefined ? undefined : this.#accepted.get(repeatKey);
    if (before !== undefined) return before;
    const id = `m${(this.#ids += 1)}`;
    const stream = this.streamOf(place);
    const message = { ...publication, id };
    const entry = stream?.append(message, this.#options.nowMs());
    const accepted = { id, position: stream?.position };
    if (repeatKey !== undefined) this.#remember(repeatKey, accepted);
    for (const member of this.members) {
      if (member.isIn(place)) member.deliver(place, entry ?? message);
    }
    return accepted;
  }

  #remember(key: string, accepted: Accepted): void {
    this.#accepted.set(key, accepted);
    if (this.#accepted.size <= idsMax) return;
    for (const oldest of this.#accepted.keys()) {
      this.#accepted.delete(oldest);
      return;
    }
  }
}

function isOf(pattern: string, { kind, name }: Place): boolean {
  if (pattern === '@user') return kind === 'user';
  if (pattern === '@hub') return kind === 'all';
  return kind === 'group' && matchesPattern(pattern, name);
}
