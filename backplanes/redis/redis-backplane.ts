/**
 * The backplane on Redis: one server, the primary of a set of sentinels, a cluster, or several
 * independent servers. README.md beside it says what it promises and what it does when they fail.
 */
import { randomBytes } from 'node:crypto';
import {
  BackplaneUnavailableError,
  type Accepted,
  type Backplane,
  type BackplaneSink,
  type BackplaneTraits,
  type GapReason,
} from '../backplane.ts';
import { Link, type LinkEvents } from './link.ts';
import { openTopology } from './open-topology.ts';
import type { RedisUrl } from './redis-url.ts';
import {
  defaultRedisSettings,
  envelopeBytesMax,
  newRedisCounters,
  type RedisCounters,
  type RedisSettings,
} from './settings.ts';
import type { Topology } from './topology.ts';

const nonceBytes = 9;

export class RedisBackplane implements Backplane {
  readonly traits: BackplaneTraits;
  /** Grow for the life of the backplane. */
  readonly counters: Readonly<RedisCounters>;
  readonly #topology: Topology<Link>;
  readonly #settings: RedisSettings;
  #sink: BackplaneSink | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isStarted = false;
  #isUp = false;
  #closed: Promise<void> | undefined;

  /** @throws BackplaneUnavailableError when the URL names a file that cannot be read. */
  constructor(url: RedisUrl, settings: Partial<RedisSettings> = {}) {
    const counters = newRedisCounters();
    this.counters = counters;
    const merged = { ...defaultRedisSettings, ...settings };
    this.#settings = merged;
    const events: LinkEvents = {
      onEnvelope: (key, bytes) => this.#sink?.onEnvelope(key, bytes),
      onGap: (keys, reason) => this.#gap(keys, reason),
      onState: (link) => this.#changed(link),
    };
    this.#topology = openTopology(url, {
      settings: merged,
      nonce: randomBytes(nonceBytes).toString('base64url'),
      makeLink: (parts) => new Link({ ...parts, settings: merged, counters, events }),
    });
    this.traits = {
      interest: 'immediate',
      envelopeBytesMax,
      countsReceivers: this.#topology.countsReceivers,
      crossesProcesses: true,
    };
  }

  async start(sink: BackplaneSink): Promise<void> {
    if (this.#closed !== undefined) throw new BackplaneUnavailableError(closedMessage);
    this.#sink = sink;
    this.#timer = setInterval(() => this.#topology.tick(), this.#settings.probeIntervalMs);
    try {
      await this.#topology.start();
    } catch (error) {
      await this.close();
      throw error;
    }
    this.#isStarted = true;
    this.#changed(undefined);
  }

  subscribe(key: string): Promise<void> {
    const partition = this.#topology.partitionOf(key);
    const link = this.#linkOf(partition);
    if (link === undefined) return Promise.reject(this.#nowhere());
    return link.subscribe(this.#topology.channelOf(key, partition), partition, key);
  }

  unsubscribe(key: string): Promise<void> {
    const partition = this.#topology.partitionOf(key);
    const channel = this.#topology.channelOf(key, partition);
    return this.#linkOf(partition)?.unsubscribe(channel) ?? Promise.resolve();
  }

  async publish(key: string, bytes: Uint8Array): Promise<Accepted> {
    const partition = this.#topology.partitionOf(key);
    const link = this.#linkOf(partition);
    if (link === undefined) throw this.#nowhere();
    if (bytes.length > envelopeBytesMax) {
      throw new BackplaneUnavailableError(
        `An envelope of ${bytes.length} bytes is over the ${envelopeBytesMax} that Redis is given`,
      );
    }
    const receivers = await link.publish(this.#topology.channelOf(key, partition), bytes);
    return { receivers: this.#topology.countsReceivers ? receivers : undefined };
  }

  /** Every server has a connection of its own, and they are read in any order. */
  async caughtUp(): Promise<void> {
    if (!this.#isStarted) throw this.#nowhere();
    await Promise.all(this.#topology.links().map((link) => link.caughtUp()));
  }

  isUp(): boolean {
    return this.#isStarted && this.#topology.links().some((link) => link.isPublishing);
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#isStarted = false;
    await this.#topology.close();
    clearInterval(this.#timer);
    this.#sink = undefined;
  }

  #linkOf(partition: number): Link | undefined {
    return this.#isStarted ? this.#topology.linkOf(partition) : undefined;
  }

  #nowhere(): BackplaneUnavailableError {
    if (this.#closed !== undefined) return new BackplaneUnavailableError(closedMessage);
    if (!this.#isStarted) return new BackplaneUnavailableError('Redis is not started yet');
    return new BackplaneUnavailableError('No server of the Redis cluster has this key now');
  }

  #gap(keys: readonly string[], reason: GapReason): void {
    if (!this.#isStarted) return;
    this.#sink?.onGap(this.#topology.links().length === 1 ? 'all' : keys, reason);
  }

  /** The backplane is up when every server is: readiness must not hide a part that is deaf. */
  #changed(link: Link | undefined): void {
    if (!this.#isStarted) return;
    const links = this.#topology.links();
    const isUp = links.every((each) => each.isUp);
    if (isUp === this.#isUp) return;
    this.#isUp = isUp;
    if (isUp) this.#sink?.onLink('up', links.map(({ server }) => server).join(', '));
    else this.#sink?.onLink('down', `${link?.server ?? 'redis'}: ${link?.trouble ?? 'lost'}`);
  }
}

const closedMessage = 'The Redis backplane is closed';
