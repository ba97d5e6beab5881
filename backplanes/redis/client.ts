/** Makes ioredis clients that do one thing: connect once, send what they are told, report the rest. */
import { readFileSync } from 'node:fs';
import { Redis, type RedisOptions } from 'ioredis';
import { BackplaneUnavailableError } from '../backplane.ts';
import type { RedisAddress, RedisUrl } from './redis-url.ts';

/** Replies keep the shapes that the client gives them by default. */
type Options = Omit<RedisOptions, 'replyMapping'>;

/** Milliseconds that a connection given up may take to say goodbye. */
const disconnectTimeoutMs = 100;
const keepAliveMs = 5000;

export interface ClientOptions {
  readonly connectTimeoutMs: number;
  /** Shown in the server's CLIENT LIST. */
  readonly name: string;
}

/** Clients for one URL: of a server by its address, or of the primary that the sentinels name. */
export class ClientFactory {
  readonly #url: RedisUrl;
  readonly #tls: { readonly ca?: Buffer } | undefined;

  /** @throws BackplaneUnavailableError when the file with the authorities cannot be read. */
  constructor(url: RedisUrl) {
    this.#url = url;
    this.#tls = url.tls ? tlsOf(url.caFile) : undefined;
  }

  /** Not connected yet. `address` undefined: whichever server the sentinels name as primary. */
  create(address: RedisAddress | undefined, options: ClientOptions): Redis {
    const { username, password, database } = this.#url;
    return new Redis({
      ...this.#base(options),
      ...(address === undefined ? this.#bySentinel(options) : this.#byAddress(address)),
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
      db: database,
    });
  }

  /** To a sentinel itself, which has no databases and asks for no user of the servers. */
  createForSentinel(address: RedisAddress, options: ClientOptions): Redis {
    return new Redis({ ...this.#base(options), ...address });
  }

  #base({ connectTimeoutMs, name }: ClientOptions): Options {
    return {
      lazyConnect: true,
      retryStrategy: () => null,
      maxRetriesPerRequest: 0,
      enableOfflineQueue: false,
      autoResubscribe: false,
      autoResendUnfulfilledCommands: false,
      connectTimeout: connectTimeoutMs,
      disconnectTimeout: disconnectTimeoutMs,
      keepAlive: keepAliveMs,
      // Only the role of a sentinel's primary needs the check; pub/sub works while data loads.
      enableReadyCheck: false,
      connectionName: name,
      disableClientInfo: true,
    };
  }

  #byAddress({ host, port }: RedisAddress): Options {
    if (this.#tls === undefined) return { host, port };
    return { host, port, tls: { ...this.#tls, servername: isName(host) ? host : '' } };
  }

  #bySentinel({ connectTimeoutMs }: ClientOptions): Options {
    const { servers, primaryName } = this.#url;
    const tls = this.#tls;
    return {
      // A copy: the client reorders and extends its list.
      sentinels: servers.map((each) => ({ ...each })),
      name: primaryName,
      enableReadyCheck: true,
      sentinelRetryStrategy: () => null,
      sentinelCommandTimeout: connectTimeoutMs,
      ...(tls === undefined ? {} : { tls, enableTLSForSentinelMode: true, sentinelTLS: tls }),
    };
  }
}

function isName(host: string): boolean {
  return !host.includes(':') && !/^[\d.]+$/.test(host);
}

function tlsOf(caFile: string | undefined): { readonly ca?: Buffer } {
  if (caFile === undefined) return {};
  try {
    return { ca: readFileSync(caFile) };
  } catch (cause) {
    throw new BackplaneUnavailableError(
      `The Redis URL has ca=${caFile}, which cannot be read: name a PEM file of certificates`,
      { cause },
    );
  }
}
