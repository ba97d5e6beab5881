/** Redis stream stores for fault tests, closed with the test that opened them. */
import { randomUUID } from 'node:crypto';
import type { TestContext } from 'node:test';
import {
  BackplaneUnavailableError,
  PublishOutcomeUnknownError,
} from '../../backplanes/backplane.ts';
import { parseRedisUrl } from '../../backplanes/redis/redis-url.ts';
import { RedisStreamStore } from '../../backplanes/redis/streams/redis-stream-store.ts';
import type { RedisStreamSettings } from '../../backplanes/redis/streams/stream-settings.ts';
import type { Appended, Position, StreamRef } from '../../backplanes/stream-store.ts';
import { waitFor } from './wait.ts';

/** Bounds that no test reaches, unless it gives other ones. */
export function streamNamed(key: string, bounds: Partial<StreamRef['retention']> = {}): StreamRef {
  const roomy = { name: 'roomy', messagesMax: 100_000, ageMsMax: 3_600_000, bytesMax: 2 ** 26 };
  return { key, retention: { ...roomy, ...bounds } };
}

export class StreamNode {
  readonly store: RedisStreamStore;
  readonly doubts: string[] = [];
  readonly warnings: string[] = [];

  constructor(url: string, settings: Partial<RedisStreamSettings>) {
    const onWarning = (message: string): void => void this.warnings.push(message);
    this.store = new RedisStreamStore(parseRedisUrl(url), { onWarning, ...settings });
  }

  start(): Promise<void> {
    return this.store.start({ onDoubt: (reason) => void this.doubts.push(reason) });
  }

  append(stream: StreamRef, text: string, id: string = randomUUID()): Promise<Appended> {
    return this.store.append(stream, Buffer.from(text), id);
  }

  /** Appends one after the other; resolves with their positions. */
  async appendAll(stream: StreamRef, texts: readonly string[]): Promise<Position[]> {
    const appended = await Promise.all(texts.map((text) => this.append(stream, text, text)));
    return appended.map(({ position }) => position);
  }

  /** Appends with one id until it is known to be stored, as a careful publisher does. */
  async appendSurely(stream: StreamRef, text: string): Promise<Appended> {
    return waitFor(
      async () => {
        try {
          return await this.append(stream, text, text);
        } catch (error) {
          if (error instanceof BackplaneUnavailableError) return false;
          if (error instanceof PublishOutcomeUnknownError) return false;
          throw error;
        }
      },
      { what: `${text} is stored`, deadlineMs: 30_000 },
    );
  }

  /** The texts after a position, or why there are none. */
  async textsAfter(stream: StreamRef, after: Position): Promise<string[] | string> {
    const result = await this.store.read(stream, { after, upTo: undefined, limit: 10_000 });
    if (result.status === 'diverged') return 'diverged';
    if (!result.isComplete) return 'incomplete';
    return result.entries.map(({ bytes }) => Buffer.from(bytes).toString());
  }

  /** Resolves when the store can be used again. */
  async untilUp(stream: StreamRef): Promise<void> {
    await waitFor(
      () =>
        this.store.tops([stream]).then(
          () => true,
          () => false,
        ),
      { what: 'the store answers', deadlineMs: 30_000 },
    );
  }
}

/** Not started. */
export function streamNode(
  context: TestContext,
  url: string,
  settings: Partial<RedisStreamSettings> = {},
): StreamNode {
  const node = new StreamNode(url, settings);
  context.after(() => node.store.close());
  return node;
}

/** Started. */
export async function startedStreamNode(
  context: TestContext,
  url: string,
  settings: Partial<RedisStreamSettings> = {},
): Promise<StreamNode> {
  const node = streamNode(context, url, settings);
  await node.start();
  return node;
}

/** Texts `n<from>` to `n<to>`, both included. */
export function texts(from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, index) => `n${from + index}`);
}

/** The place before everything in the epoch of `position`. */
export function beginningOf({ epoch }: Position): Position {
  return { epoch, offset: 0, tag: 0 };
}
