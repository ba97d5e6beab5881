/**
 * Listens to the sentinels: when they name another primary, waiting for the old one to break the
 * connection is not enough, for it may live on behind a partition.
 */
import type { Redis } from 'ioredis';
import { Connection } from './connection.ts';
import type { RedisAddress } from './redis-url.ts';

export interface SentinelWatchOptions {
  readonly sentinels: readonly RedisAddress[];
  readonly primaryName: string;
  /** A client that is not connected yet. */
  readonly create: (address: RedisAddress) => Redis;
  readonly connectTimeoutMs: number;
  readonly random: () => number;
  /** The sentinels named another primary. */
  readonly onSwitch: () => void;
}

const channel = '+switch-master';

export class SentinelWatch {
  readonly #connections: readonly Connection[];
  readonly #options: SentinelWatchOptions;
  #primary = '';

  constructor(options: SentinelWatchOptions) {
    this.#options = options;
    const { connectTimeoutMs, random } = options;
    this.#connections = options.sentinels.map(
      (address) =>
        new Connection({
          create: () => options.create(address),
          connectTimeoutMs,
          random,
          onReady: (client) => this.#listen(client),
          // The others go on; this one comes back by itself.
          onLost: () => undefined,
        }),
    );
  }

  open(): void {
    for (const connection of this.#connections) connection.open();
  }

  tick(): void {
    for (const connection of this.#connections) connection.probe();
  }

  close(): void {
    for (const connection of this.#connections) connection.close();
  }

  #listen(client: Redis): void {
    client.on('message', (_channel: string, text: string) => this.#switched(text));
    // A sentinel that refuses is one watcher less; the probe and the canary remain.
    client.subscribe(channel).catch(() => undefined);
  }

  /** `text`: name, old address and port, new address and port. All sentinels say it; once counts. */
  #switched(text: string): void {
    const [name, , , host, port] = text.split(' ');
    const primary = `${host}:${port}`;
    if (name !== this.#options.primaryName || primary === this.#primary) return;
    this.#primary = primary;
    this.#options.onSwitch();
  }
}
