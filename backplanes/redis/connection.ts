/**
 * One connection that comes back by itself: a fresh client for every attempt, a pause that grows, a
 * probe that finds a peer that went silent. Nothing is queued or sent again across a reconnect.
 */
import type { Redis } from 'ioredis';
import { silentProbesMax } from './settings.ts';

export interface ConnectionOptions {
  /** A client that has not begun to connect and does not reconnect by itself. */
  readonly create: () => Redis;
  readonly connectTimeoutMs: number;
  readonly random: () => number;
  /** The client can be used from now until `onLost`. */
  readonly onReady: (client: Redis) => void;
  /** It was ready and is lost. A new attempt follows by itself. */
  readonly onLost: () => void;
}

const pauseBaseMs = 50;
const pauseMaxMs = 1000;
const pauseSpreadMs = 200;

export class Connection {
  readonly #options: ConnectionOptions;
  #redis: Redis | undefined;
  #isReady = false;
  #isClosed = false;
  #attempts = 0;
  #silentProbes = 0;
  #isProbing = false;
  #timer: NodeJS.Timeout | undefined;
  #lastError: Error | undefined;

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  /** The client, while it can be used. */
  get client(): Redis | undefined {
    return this.#isReady && this.#redis?.status === 'ready' ? this.#redis : undefined;
  }

  /** Why the last attempt failed, for the person who reads why nothing works. */
  get lastError(): Error | undefined {
    return this.#lastError;
  }

  open(): void {
    if (this.#isClosed) return;
    const redis = this.#options.create();
    this.#redis = redis;
    this.#silentProbes = 0;
    this.#isProbing = false;
    // A handler stays on every client for good: one that is given up may still report errors.
    redis.on('error', (error: Error) => {
      if (this.#redis === redis) this.#lastError = error;
    });
    redis.on('ready', () => this.#readied(redis));
    redis.on('end', () => this.#ended(redis, 'the connection was closed'));
    this.#timer = setTimeout(() => {
      this.#lastError ??= new Error(`no answer within ${this.#options.connectTimeoutMs} ms`);
      this.#ended(redis, 'no answer to the connection attempt');
    }, this.#options.connectTimeoutMs);
    redis.connect().catch((error: Error) => {
      // The error event said it before, and better, except where there was none.
      if (this.#redis === redis) this.#lastError ??= error;
    });
  }

  /** Asks for a sign of life and gives up a connection without one. Call it every so often. */
  probe(): void {
    const redis = this.client;
    if (redis === undefined) return;
    if (this.#isProbing) {
      this.#silentProbes += 1;
      if (this.#silentProbes >= silentProbesMax) this.renew('the server does not answer');
      return;
    }
    this.#isProbing = true;
    const settle = (): void => {
      if (this.#redis !== redis) return;
      this.#isProbing = false;
      this.#silentProbes = 0;
    };
    redis.ping().then(settle, settle);
  }

  /** Gives up the present connection and makes a new one. */
  renew(reason: string): void {
    if (this.#redis !== undefined && this.#isReady) this.#ended(this.#redis, reason);
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#isReady = false;
    this.#redis?.disconnect();
    this.#redis = undefined;
  }

  #readied(redis: Redis): void {
    if (this.#redis !== redis || this.#isClosed) return;
    clearTimeout(this.#timer);
    this.#isReady = true;
    this.#attempts = 0;
    this.#lastError = undefined;
    this.#options.onReady(redis);
  }

  #ended(redis: Redis, reason: string): void {
    if (this.#redis !== redis || this.#isClosed) return;
    clearTimeout(this.#timer);
    const wasReady = this.#isReady;
    this.#isReady = false;
    this.#redis = undefined;
    redis.disconnect();
    this.#timer = setTimeout(() => this.open(), this.#pauseMs());
    this.#lastError ??= new Error(reason);
    if (wasReady) this.#options.onLost();
  }

  /** Nothing but a little spread at first: most losses are of one connection, not of the server. */
  #pauseMs(): number {
    const attempt = this.#attempts;
    this.#attempts += 1;
    const spread = this.#options.random();
    if (attempt === 0) return spread * pauseBaseMs;
    return Math.min(pauseBaseMs * 2 ** Math.min(attempt, 5), pauseMaxMs) + spread * pauseSpreadMs;
  }
}
