/**
 * Sends over one connection: what comes in one turn of the event loop leaves in one pipeline, in
 * order; every command is answered within its time; what waits is bounded in number and bytes.
 */
import type { ChainableCommander, Redis } from 'ioredis';
import { BackplaneUnavailableError, PublishOutcomeUnknownError } from '../backplane.ts';
import type { Connection } from './connection.ts';
import type { RedisCounters, RedisSettings } from './settings.ts';

/** What follows FCALL: a function, the number of its keys, keys and arguments. */
export type CallArguments = (string | number | Buffer)[];

/** One command on its way. */
export interface PendingCommand {
  /** undefined: a publish of `bytes` on `channel`. */
  readonly call: CallArguments | undefined;
  readonly channel: string;
  /** Counted as in flight until there is an answer. */
  readonly bytes: Uint8Array;
  /** Takes the number of receivers, or what the function answered, with buffers for strings. */
  readonly resolve: (reply: unknown) => void;
  readonly reject: (error: Error) => void;
  /** Times that it was sent again because a server did not execute it. */
  hops: number;
  /** True: the next server has the slot only for those who ask. */
  isAsking: boolean;
}

export type PublisherCounters = Pick<RedisCounters, 'published' | 'refused' | 'unknown'>;

type Reply = readonly [error: Error | null, reply: unknown];

interface Batch {
  readonly items: readonly PendingCommand[];
  readonly bytes: number;
  readonly sentAt: number;
  isOver: boolean;
}

export interface PublisherOptions {
  readonly server: string;
  readonly connection: Connection;
  readonly command: 'publish' | 'spublish';
  readonly settings: RedisSettings;
  readonly counters: PublisherCounters;
  /** The server did not execute it, and says why. True: somebody else sends it again. */
  readonly onRefused: (command: PendingCommand, message: string) => boolean;
  /** What the person who reads a refusal is told beside the server's own words. */
  readonly explain?: (message: string) => string;
}

export class Publisher {
  readonly #options: PublisherOptions;
  readonly #sent = new Set<Batch>();
  #turn: PendingCommand[] = [];
  #turnBytes = 0;
  #inflight = 0;
  #inflightBytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #onIdle: (() => void) | undefined;

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  get isReady(): boolean {
    return this.#options.connection.client !== undefined;
  }

  /** Resolves with the number of receivers on this server. */
  publish(channel: string, bytes: Uint8Array): Promise<number> {
    return new Promise((fulfil, reject) => {
      const resolve = (receivers: unknown): void => fulfil(Number(receivers));
      const call = undefined;
      this.accept({ call, channel, bytes, resolve, reject, hops: 0, isAsking: false });
    });
  }

  /** Resolves with the function's answer. @param bytes what of the arguments counts as in flight. */
  call(call: CallArguments, bytes: Uint8Array): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.accept({ call, channel: '', bytes, resolve, reject, hops: 0, isAsking: false });
    });
  }

  /** Takes a command, or rejects it at once. */
  accept(command: PendingCommand): void {
    const refusal = this.#refusal(command.bytes.length);
    if (refusal !== undefined) {
      this.#refuse(command, refusal);
      return;
    }
    if (this.#turn.length === 0) setImmediate(() => this.#flush());
    this.#turn.push(command);
    this.#turnBytes += command.bytes.length;
    this.#inflight += 1;
    this.#inflightBytes += command.bytes.length;
  }

  /** Sends what is collected; resolves when everything sent was answered or has timed out. */
  drain(): Promise<void> {
    this.#flush();
    return new Promise((resolve) => {
      this.#onIdle = resolve;
      this.#checkIdle();
    });
  }

  #refusal(bytes: number): string | undefined {
    const { server, settings, connection } = this.#options;
    if (connection.client === undefined) {
      const why = connection.lastError?.message;
      return `Redis at ${server} is not connected${why === undefined ? '' : `: ${why}`}`;
    }
    const { inflightMax, inflightBytesMax } = settings;
    if (this.#inflight < inflightMax && this.#inflightBytes + bytes <= inflightBytesMax) {
      return undefined;
    }
    return (
      `Redis at ${server} is too slow: ${this.#inflight} publishes of ${this.#inflightBytes} ` +
      `bytes wait for its reply already`
    );
  }

  #refuse(command: PendingCommand, message: string, cause?: Error): void {
    this.#options.counters.refused += 1;
    command.reject(new BackplaneUnavailableError(message, cause === undefined ? {} : { cause }));
  }

  #flush(): void {
    const items = this.#turn;
    if (items.length === 0) return;
    const batch: Batch = {
      items,
      bytes: this.#turnBytes,
      sentAt: performance.now(),
      isOver: false,
    };
    this.#turn = [];
    this.#turnBytes = 0;
    const client = this.#options.connection.client;
    if (client === undefined) {
      this.#release(batch);
      for (const item of items) {
        this.#refuse(item, `Redis at ${this.#options.server} went away before it was sent`);
      }
      return;
    }
    this.#sent.add(batch);
    this.#watch();
    void this.#send(client, batch);
  }

  async #send(client: Redis, batch: Batch): Promise<void> {
    const pipeline = client.pipeline();
    for (const item of batch.items) this.#add(pipeline, item);
    const results = await repliesOf(pipeline);
    this.#sent.delete(batch);
    this.#release(batch);
    if (!batch.isOver) this.#answer(batch, results);
    this.#checkIdle();
  }

  #add(pipeline: ChainableCommander, { call, channel, bytes, isAsking }: PendingCommand): void {
    if (isAsking) pipeline.asking();
    if (call !== undefined) {
      pipeline.callBuffer('FCALL', call);
      return;
    }
    const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    if (this.#options.command === 'publish') pipeline.publish(channel, view);
    else pipeline.spublish(channel, view);
  }

  #answer(batch: Batch, results: readonly Reply[]): void {
    let index = 0;
    for (const item of batch.items) {
      // The reply to ASKING stands before that of the command.
      if (item.isAsking) index += 1;
      item.isAsking = false;
      const [error, reply] = results[index] ?? [new Error('no reply'), 0];
      index += 1;
      if (error === null) {
        this.#options.counters.published += 1;
        item.resolve(reply);
      } else {
        this.#failed(item, error);
      }
    }
  }

  #failed(item: PendingCommand, error: Error): void {
    const { server, onRefused, explain, counters } = this.#options;
    const { message } = error;
    if (error.name === 'ReplyError') {
      if (onRefused(item, message)) return;
      const what = item.call === undefined ? 'the publish' : 'it';
      const words = explain?.(message) ?? message;
      this.#refuse(item, `Redis at ${server} refused ${what}: ${words}`, error);
    } else if (message.startsWith("Stream isn't writeable")) {
      this.#refuse(item, `Redis at ${server} went away before it was sent`, error);
    } else {
      counters.unknown += 1;
      item.reject(
        new PublishOutcomeUnknownError(`Redis at ${server} was lost before it answered`, {
          cause: error,
        }),
      );
    }
  }

  #release(batch: Batch): void {
    this.#inflight -= batch.items.length;
    this.#inflightBytes -= batch.bytes;
  }

  #checkIdle(): void {
    if (this.#onIdle === undefined || this.#oldest() !== undefined) return;
    clearTimeout(this.#timer);
    this.#onIdle();
  }

  #oldest(): Batch | undefined {
    for (const batch of this.#sent) if (!batch.isOver) return batch;
    return undefined;
  }

  /** One timer, for the oldest batch that waits. */
  #watch(): void {
    if (this.#timer !== undefined) return;
    const oldest = this.#oldest();
    if (oldest === undefined) return;
    const { publishTimeoutMs } = this.#options.settings;
    const leftMs = oldest.sentAt + publishTimeoutMs - performance.now();
    this.#timer = setTimeout(
      () => {
        // Replies that came while this process was busy are read before anything is given up.
        setImmediate(() => {
          this.#timer = undefined;
          this.#expire();
          this.#watch();
          this.#checkIdle();
        });
      },
      Math.max(1, leftMs),
    );
  }

  #expire(): void {
    const { server, settings, counters } = this.#options;
    const before = performance.now() - settings.publishTimeoutMs;
    for (const batch of this.#sent) {
      if (batch.sentAt > before) return;
      if (batch.isOver) continue;
      // It counts as in flight until the connection answers or is lost: it still holds memory.
      batch.isOver = true;
      counters.unknown += batch.items.length;
      for (const item of batch.items) {
        item.reject(
          new PublishOutcomeUnknownError(
            `Redis at ${server} did not answer within ${settings.publishTimeoutMs} ms`,
          ),
        );
      }
    }
  }
}

/** Never rejects: whatever happens, those who wait are told. None: nothing is known. */
async function repliesOf(pipeline: ChainableCommander): Promise<readonly Reply[]> {
  try {
    return (await pipeline.exec()) ?? [];
  } catch {
    return [];
  }
}
