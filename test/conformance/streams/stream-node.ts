/** One node of the suite of stream stores: a store, and the backplane beside it. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { Backplane } from '../../../backplanes/backplane.ts';
import { decodeStoredEnvelope } from '../../../backplanes/stored-envelope.ts';
import type {
  Appended,
  Position,
  ReadRequest,
  ReadResult,
  RetentionClass,
  StreamEntry,
  StreamRef,
  StreamStore,
  StreamStoreTraits,
  StreamTop,
} from '../../../backplanes/stream-store.ts';
import { waitFor } from '../../support/wait.ts';
import { ConformanceNode } from '../conformance-node.ts';

/** The read of a history that the store knows. */
export type KnownRead = Extract<ReadResult, { readonly status: 'read' }>;

const hour = 3_600_000;

/** Bounds that no case reaches, unless it says other ones. */
const roomy: RetentionClass = {
  name: 'roomy',
  messagesMax: 100_000,
  ageMsMax: hour,
  bytesMax: 64 * 1024 * 1024,
};

/** A stream of the class with these bounds; other bounds are another class. */
export function streamOf(
  name: string,
  bounds: Partial<Omit<RetentionClass, 'name'>> = {},
): StreamRef {
  const className = ['roomy', ...Object.entries(bounds).flat()].join('');
  return { key: `g:hub:${name}`, retention: { ...roomy, ...bounds, name: className } };
}

/** The place of an entry. */
export function placeOf({ epoch, offset, tag }: StreamEntry): Position {
  return { epoch, offset, tag };
}

/** The place before everything in the epoch of `position`. */
export function beginningOf({ epoch }: Position): Position {
  return { epoch, offset: 0, tag: 0 };
}

export function textOf({ bytes }: StreamEntry): string {
  return Buffer.from(bytes).toString();
}

export function textsOf(entries: readonly StreamEntry[]): string[] {
  return entries.map(textOf);
}

/** Texts `from` to `to`, both included. */
export function numbered(from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, index) => `${from + index}`);
}

export class StreamNode {
  readonly store: StreamStore;
  /** The backplane, with a sink that keeps what it is given. */
  readonly node: ConformanceNode;
  readonly doubts: string[] = [];
  #isAppending = false;
  /** Envelopes that arrived while `append` had not returned. */
  reentered = 0;

  constructor({
    backplane,
    store,
  }: {
    readonly store: StreamStore;
    readonly backplane: Backplane;
  }) {
    this.store = store;
    this.node = new ConformanceNode(backplane);
  }

  get traits(): StreamStoreTraits {
    return this.store.traits;
  }

  async start(): Promise<void> {
    const { backplane, sink } = this.node;
    await backplane.start({
      ...sink,
      onEnvelope: (key, bytes) => {
        if (this.#isAppending) this.reentered += 1;
        sink.onEnvelope(key, bytes);
      },
    });
    await this.store.start({ onDoubt: (reason) => void this.doubts.push(reason) });
  }

  append(
    stream: StreamRef,
    content: string | Uint8Array,
    id: string = randomUUID(),
  ): Promise<Appended> {
    const bytes = typeof content === 'string' ? Buffer.from(content) : content;
    this.#isAppending = true;
    try {
      return this.store.append(stream, bytes, id);
    } finally {
      this.#isAppending = false;
    }
  }

  /** Appends in one turn of the event loop; resolves with the positions. */
  async appendAll(stream: StreamRef, texts: readonly string[]): Promise<Position[]> {
    const appended = await Promise.all(texts.map((text) => this.append(stream, text)));
    return appended.map(({ position }) => position);
  }

  /** A read that must not be `diverged`. */
  async read(
    stream: StreamRef,
    after: Position,
    { limit = 10_000, upTo }: Partial<Omit<ReadRequest, 'after'>> = {},
  ): Promise<KnownRead> {
    const result = await this.store.read(stream, { after, limit, upTo });
    assert.ok(result.status === 'read', `the position at ${after.offset} is known`);
    return result;
  }

  /** Everything after a place, page by page; asserts that it is complete. */
  async readAll(stream: StreamRef, since: Position, limit = 10_000): Promise<StreamEntry[]> {
    const entries: StreamEntry[] = [];
    for (let after = since; ;) {
      const page = await this.read(stream, after, { limit });
      assert.ok(page.isComplete, `nothing is missing after ${after.offset}`);
      entries.push(...page.entries);
      const last = page.entries.at(-1);
      if (!page.hasMore) return entries;
      assert.ok(last !== undefined, 'who is told that there is more is given something');
      after = placeOf(last);
    }
  }

  async top(stream: StreamRef): Promise<StreamTop> {
    const [top] = await this.store.tops([stream]);
    assert.ok(top !== undefined);
    return top;
  }

  /** What arrived of a stream through the backplane. */
  live({ key }: StreamRef): StreamEntry[] {
    return this.node.got(key).map((bytes) => decodeStoredEnvelope(bytes));
  }

  /** Resolves when this node hears what `from` publishes on the stream's key. */
  hear({ key }: StreamRef, from: StreamNode): Promise<void> {
    return this.node.subscribe(key, from.node);
  }

  /** Resolves when age has taken all entries of the stream. */
  async untilEmpty(stream: StreamRef): Promise<void> {
    await waitFor(async () => (await this.top(stream)).oldest === undefined, {
      what: `all entries of ${stream.key} are too old`,
      deadlineMs: 30_000,
    });
  }
}

/** Asserts that offsets grow, and that each entry names the one before it. */
export function assertChained(entries: readonly StreamEntry[]): void {
  for (const [index, { offset, prev }] of entries.entries()) {
    const before = entries[index - 1];
    if (before === undefined) assert.ok(prev === undefined || prev < offset);
    else
      assert.deepEqual(
        { prev, grows: offset > before.offset },
        { prev: before.offset, grows: true },
      );
  }
}

export interface StreamCaseNodes {
  readonly a: StreamNode;
  readonly b: StreamNode;
  /** For what the traits say that the store does not do. */
  readonly skip: (reason: string) => void;
}

export interface StreamStoreCase {
  readonly name: string;
  /** False: the case starts the nodes itself. */
  readonly isStarted?: boolean;
  readonly run: (nodes: StreamCaseNodes) => Promise<void>;
}
