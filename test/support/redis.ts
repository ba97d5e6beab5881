/**
 * Real Redis servers for tests: from the system's packages, on free ports of loopback below the
 * ephemeral range, each with a folder of its own, all ended with the test process.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis, type RedisOptions } from 'ioredis';
import { waitFor } from './wait.ts';

const isInstalled = spawnSync('redis-server', ['--version'], { stdio: 'ignore' }).status === 0;

/** For the `skip` option of a test: why there is no Redis, or false. */
export const noRedis = isInstalled
  ? false
  : 'no redis-server in the PATH: install Redis 7 or later to run the Redis tests';

const portMin = 15_000;
const portMax = 22_000;
/** A cluster's nodes talk to each other on their port plus this. */
const clusterBusOffset = 10_000;

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}

/** A port that is free now, below the ephemeral range, and its cluster bus port with it. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const port = portMin + Math.floor(Math.random() * (portMax - portMin));
    if ((await isFree(port)) && (await isFree(port + clusterBusOffset))) return port;
  }
  throw new Error(`no free port between ${portMin} and ${portMax}`);
}

export interface RedisServerOptions {
  /** Lines of redis.conf beside the usual ones; a function is given the port. */
  readonly lines?: readonly string[] | ((port: number) => readonly string[]);
  readonly port?: number;
  /** Starts as a sentinel with this configuration. */
  readonly isSentinel?: boolean;
  /** How the test's own connection logs in and encrypts. */
  readonly admin?: Omit<RedisOptions, 'replyMapping'>;
}

/** One server. It can be killed, stopped and started again on the same port. */
export class RedisServer {
  readonly port: number;
  readonly #folder = mkdtempSync(join(tmpdir(), 'trunkline-redis-'));
  readonly #options: RedisServerOptions;
  #process: ChildProcess | undefined;
  #admin: Redis | undefined;

  constructor(port: number, options: RedisServerOptions) {
    this.port = port;
    this.#options = options;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Resolves when the server answers. */
  async start(): Promise<void> {
    const config = join(this.#folder, 'redis.conf');
    const { lines = [], isSentinel = false } = this.#options;
    writeFileSync(
      config,
      [
        `port ${this.port}`,
        'bind 127.0.0.1',
        `dir ${this.#folder}`,
        ...(isSentinel ? [] : ['save ""', 'appendonly no', 'enable-debug-command local']),
        ...(typeof lines === 'function' ? lines(this.port) : lines),
        '',
      ].join('\n'),
    );
    const child = spawn('redis-server', [config, ...(isSentinel ? ['--sentinel'] : [])], {
      stdio: 'ignore',
    });
    this.#process = child;
    running.add(child);
    child.once('exit', () => running.delete(child));
    await waitFor(
      async () => {
        try {
          return (await this.admin().ping()) === 'PONG';
        } catch {
          return child.exitCode !== null ? Promise.reject(new Error('redis-server ended')) : false;
        }
      },
      { what: `redis-server answers on port ${this.port}` },
    );
  }

  /** A connection of the test's own. */
  admin(): Redis {
    if (this.#admin === undefined) {
      const admin = new Redis({
        host: '127.0.0.1',
        port: this.port,
        retryStrategy: () => 20,
        maxRetriesPerRequest: 0,
        ...this.#options.admin,
      });
      admin.on('error', () => undefined);
      this.#admin = admin;
    }
    return this.#admin;
  }

  signal(signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void {
    this.#process?.kill(signal);
  }

  /** `kill -9`; resolves when the process is gone. */
  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  }

  /** Ends it for good. Idempotent. */
  async stop(): Promise<void> {
    this.#admin?.disconnect();
    this.#admin = undefined;
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

const running = new Set<ChildProcess>();
// A test that fails to clean up must not leave servers behind.
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Starts one server. */
export async function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  for (let attempt = 1; ; attempt += 1) {
    const server = new RedisServer(options.port ?? (await freePort()), options);
    try {
      await server.start();
      return server;
    } catch (error) {
      await server.stop();
      // Somebody else may have taken the port after it was found free.
      if (attempt === 3 || options.port !== undefined) throw error;
    }
  }
}
