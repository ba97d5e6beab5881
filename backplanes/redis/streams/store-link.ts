/**
 * Everything between a stream store and one Redis server: one connection, the functions that are
 * loaded over it before anything else, and the calls of each turn.
 */
import type { Redis } from 'ioredis';
import { BackplaneUnavailableError } from '../../backplane.ts';
import { Connection } from '../connection.ts';
import { Publisher, type CallArguments, type PendingCommand } from '../publisher.ts';
import type { LinkParts, ServerLink } from '../server-link.ts';
import type { RedisSettings } from '../settings.ts';
import type { Interest } from '../subscriber.ts';
import { explainRefusal } from './explain.ts';
import { refusalOf, warningsOf } from './server-info.ts';
import { appendCall, encodeBounds, type LiveWay } from './stream-calls.ts';
import { libraryCode } from './stream-functions.ts';
import type { StreamCounters } from './stream-settings.ts';

export interface StoreLinkEvents {
  /** The server can be called, for the first time or again. */
  readonly onReady: (server: string) => void;
  /** The server has a partition that another one had before. */
  readonly onAdopted: (server: string) => void;
  readonly onWarning: (message: string) => void;
}

export interface StoreLinkOptions extends LinkParts {
  readonly live: LiveWay;
  readonly settings: RedisSettings;
  readonly counters: StreamCounters;
  readonly events: StoreLinkEvents;
}

/** The trial is forgotten after so long. */
const trialMs = 1000;

export class StoreLink implements ServerLink {
  readonly server: string;
  readonly #options: StoreLinkOptions;
  readonly #connection: Connection;
  readonly #publisher: Publisher;
  #isLoading = false;
  /** Why the functions could not be loaded the last time. */
  #loadError = '';
  #onUp: (() => void) | undefined;

  constructor(options: StoreLinkOptions) {
    const { server, settings, counters, events } = options;
    this.server = server;
    this.#options = options;
    const { connectTimeoutMs, random } = settings;
    this.#connection = new Connection({
      create: () => options.create('streams'),
      connectTimeoutMs,
      random,
      onReady: (client) => {
        // One connection executes in order: what is called from now on finds the functions.
        this.#load(client);
        this.#onUp?.();
        events.onReady(server);
      },
      onLost: () => {
        counters.reconnects += 1;
      },
    });
    this.#publisher = new Publisher({
      server,
      connection: this.#connection,
      command: options.isSharded ? 'spublish' : 'publish',
      settings,
      counters,
      onRefused: (command, message) => this.#refused(command, message),
      explain: (message) => this.#explain(message),
    });
  }

  get isUp(): boolean {
    return this.#publisher.isReady;
  }

  open(): void {
    this.#connection.open();
  }

  async start(partition: number): Promise<void> {
    const { server } = this;
    let info: string;
    try {
      const client = await this.#connected();
      info = await client.info();
    } catch (cause) {
      throw unusable(server, cause);
    }
    const refusal = refusalOf(server, info);
    if (refusal !== undefined) throw new BackplaneUnavailableError(refusal);
    try {
      await this.#try(partition);
    } catch (cause) {
      throw unusable(server, cause);
    }
    for (const warning of warningsOf(server, info)) this.#options.events.onWarning(warning);
  }

  /** Resolves with what the function answered. @param bytes what counts as in flight. */
  call(call: CallArguments, bytes: Uint8Array): Promise<unknown> {
    return this.#publisher.call(call, bytes);
  }

  accept(command: PendingCommand): void {
    this.#publisher.accept(command);
  }

  /** Nothing: who reads asks the server that has the partition. */
  release(): Interest[] {
    return [];
  }

  adopt(): void {
    this.#options.events.onAdopted(this.server);
  }

  tick(): void {
    this.#connection.probe();
  }

  renew(reason: string): void {
    this.#connection.renew(reason);
  }

  async close(): Promise<void> {
    if (this.#publisher.isReady) await this.#publisher.drain();
    this.#connection.close();
  }

  /** Sent at once, before what is collected in this turn. */
  #load(client: Redis): void {
    this.#isLoading = true;
    this.#options.counters.loads += 1;
    const settle = (error: string): void => {
      if (this.#connection.client !== client) return;
      this.#isLoading = false;
      this.#loadError = error;
    };
    client.call('FUNCTION', 'LOAD', libraryCode).then(
      () => settle(''),
      ({ message }: Error) => settle(message.includes('already exists') ? '' : message),
    );
  }

  /** True: it is sent again. */
  #refused(command: PendingCommand, message: string): boolean {
    if (message.startsWith('READONLY')) {
      this.#connection.renew('the server is a replica now');
      return false;
    }
    if (message.startsWith('MOVED ') || message.startsWith('ASK ')) {
      return this.#options.onMoved(message, command);
    }
    const client = this.#connection.client;
    if (!isMissing(message) || command.hops > 0 || client === undefined) return false;
    command.hops += 1;
    if (!this.#isLoading) this.#load(client);
    this.#publisher.accept(command);
    return true;
  }

  #explain(message: string): string {
    if (isMissing(message)) {
      return `its functions are missing, and cannot be loaded (${this.#loadError || message})`;
    }
    return explainRefusal(message);
  }

  /** Shows with an append that nobody will see that this user may do all that it takes. */
  async #try(partition: number): Promise<void> {
    const name = this.#options.channels.ofCanary(partition);
    const retention = { name: 'trial', messagesMax: 1, ageMsMax: trialMs, bytesMax: trialMs };
    const { live } = this.#options;
    const envelope = Buffer.from('trial');
    const call = appendCall({
      place: { pair: [name, `${name}#`], ids: [`${name}~0`, `${name}~1`, `${name}~2`] },
      bounds: encodeBounds({ retention, ttlMs: trialMs, windowMs: 2 * trialMs, live }),
      key: name,
      id: name,
      envelope,
    });
    await this.#publisher.call(call, envelope);
  }

  /** Rejects when there is no connection in time. */
  #connected(): Promise<Redis> {
    const { connectTimeoutMs } = this.#options.settings;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(this.#connection.lastError ?? new Error('no connection'));
      }, connectTimeoutMs);
      this.#onUp = (): void => {
        const { client } = this.#connection;
        if (client === undefined) return;
        this.#onUp = undefined;
        clearTimeout(timer);
        resolve(client);
      };
      this.open();
    });
  }
}

function isMissing(message: string): boolean {
  return message.includes('Function not found');
}

function unusable(server: string, cause: unknown): BackplaneUnavailableError {
  const message = cause instanceof Error ? cause.message : String(cause);
  return new BackplaneUnavailableError(
    `Redis at ${server} cannot be used for streams: ${message}. Start it, or correct the URL of ` +
      `the store (address, user and password, TLS) and the user's rights`,
    { cause },
  );
}
