/**
 * Everything between this node and one Redis server: a connection that publishes, a connection that
 * listens, and the canaries that travel from one to the other.
 */
import { BackplaneUnavailableError, type GapReason } from '../backplane.ts';
import { Canary } from './canary.ts';
import { Connection } from './connection.ts';
import { Publisher, type PendingCommand } from './publisher.ts';
import type { RedisCounters, RedisSettings } from './settings.ts';
import type { LinkParts, ServerLink } from './server-link.ts';
import { Subscriber, type Interest } from './subscriber.ts';

export interface LinkEvents {
  readonly onEnvelope: (key: string, bytes: Uint8Array) => void;
  readonly onGap: (keys: readonly string[], reason: GapReason) => void;
  readonly onState: (link: Link) => void;
}

export interface LinkOptions extends LinkParts {
  readonly settings: RedisSettings;
  readonly counters: RedisCounters;
  readonly events: LinkEvents;
}

export class Link implements ServerLink {
  readonly server: string;
  readonly #options: LinkOptions;
  readonly #publishing: Connection;
  readonly #listening: Connection;
  readonly #publisher: Publisher;
  readonly #subscriber: Subscriber;
  readonly #canaries = new Map<number, Canary>();
  #onUp: (() => void) | undefined;

  constructor(options: LinkOptions) {
    const { server, settings, counters, events, isSharded, onMoved } = options;
    this.server = server;
    this.#options = options;
    const { connectTimeoutMs, random } = settings;
    const common = { connectTimeoutMs, random };
    const onState = (): void => {
      if (this.isUp) this.#onUp?.();
      events.onState(this);
    };
    this.#publishing = new Connection({
      ...common,
      create: () => options.create('publish'),
      onReady: onState,
      onLost: () => {
        counters.reconnects += 1;
        onState();
      },
    });
    this.#listening = new Connection({
      ...common,
      create: () => options.create('subscribe'),
      onReady: (client) => this.#subscriber.attach(client),
      onLost: () => {
        counters.reconnects += 1;
        this.#subscriber.lost();
        onState();
      },
    });
    this.#publisher = new Publisher({
      server,
      connection: this.#publishing,
      command: isSharded ? 'spublish' : 'publish',
      settings,
      counters,
      onRefused: (publish, message) => message.startsWith('MOVED ') && onMoved(message, publish),
    });
    this.#subscriber = new Subscriber({
      server,
      connection: this.#listening,
      isSharded,
      settings,
      counters,
      events: {
        onEnvelope: events.onEnvelope,
        onCanary: (partition, bytes) => this.#canaries.get(partition)?.arrived(bytes),
        onGap: events.onGap,
        onState,
        onMoved: (message) => void onMoved(message),
      },
    });
  }

  /** True: publishes have a chance. */
  get isPublishing(): boolean {
    return this.#publisher.isReady;
  }

  /** True: publishes have a chance, and all interest is confirmed. */
  get isUp(): boolean {
    return this.isPublishing && this.#subscriber.isUp;
  }

  /** Why the link is not up. */
  get trouble(): string {
    const error = this.#publishing.lastError ?? this.#listening.lastError;
    return error?.message ?? 'no connection';
  }

  /** Begins to connect, and does not stop until `close`. */
  open(): void {
    this.#publishing.open();
    this.#listening.open();
  }

  /**
   * Connects, and shows with a canary of this partition that this user may subscribe and publish.
   * @throws BackplaneUnavailableError that names the server and the remedy.
   */
  async start(partition: number): Promise<void> {
    const channel = this.#options.channels.ofCanary(partition);
    try {
      await this.#connected();
      await this.watch(partition);
      const receivers = await this.#publisher.publish(channel, Buffer.from('start'));
      if (receivers > 0) return;
    } catch (cause) {
      throw unreachable(this.server, cause instanceof Error ? cause.message : String(cause));
    }
    throw unreachable(this.server, 'what is published does not reach who subscribed');
  }

  publish(channel: string, bytes: Uint8Array): Promise<number> {
    // In a cluster the reply counts, but in a failover it counts wrong.
    if (this.#options.isSharded || !this.#subscriber.isConfirmed(channel)) {
      return this.#publisher.publish(channel, bytes);
    }
    return this.#publishHeard(channel, bytes);
  }

  accept(publish: PendingCommand): void {
    this.#publisher.accept(publish);
  }

  subscribe(channel: string, partition: number, key: string): Promise<void> {
    if (!this.#canaries.has(partition)) {
      // Without a canary the partition works, only unwatched; the next subscribe tries again.
      this.watch(partition).catch(() => this.#canaries.delete(partition));
    }
    return this.#subscriber.subscribe(channel, partition, key);
  }

  /** @throws when the connection that listens is lost. */
  caughtUp(): Promise<void> {
    return this.#subscriber.caughtUp();
  }

  unsubscribe(channel: string): Promise<void> {
    return this.#subscriber.unsubscribe(channel);
  }

  /** Sends canaries through this partition from now on. Rejects like `subscribe`. */
  async watch(partition: number): Promise<void> {
    const channel = this.#options.channels.ofCanary(partition);
    this.#watch(partition, channel);
    await this.#subscriber.subscribe(channel, partition, undefined);
  }

  /** Gives the interest in a partition away, its canary included. */
  release(partition: number): Interest[] {
    this.#canaries.delete(partition);
    return this.#subscriber.release(partition);
  }

  /** Takes the interest in a partition over. */
  adopt(partition: number, interests: readonly Interest[]): void {
    if (interests.length === 0) return;
    this.#watch(partition, this.#options.channels.ofCanary(partition));
    this.#subscriber.adopt(interests);
  }

  tick(): void {
    this.#publishing.probe();
    this.#listening.probe();
    this.#subscriber.tick();
    for (const canary of this.#canaries.values()) canary.tick();
  }

  /** Gives up both connections and makes new ones. */
  renew(reason: string): void {
    this.#publishing.renew(reason);
    this.#listening.renew(reason);
  }

  async close(): Promise<void> {
    if (this.#publisher.isReady) await this.#publisher.drain();
    this.#canaries.clear();
    this.#subscriber.close();
    this.#publishing.close();
    this.#listening.close();
  }

  /** Rejects when the link is not up in time. */
  #connected(): Promise<void> {
    const { connectTimeoutMs } = this.#options.settings;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(this.trouble)), connectTimeoutMs);
      this.#onUp = (): void => {
        this.#onUp = undefined;
        clearTimeout(timer);
        resolve();
      };
      this.open();
    });
  }

  #watch(partition: number, channel: string): void {
    this.#canaries.set(
      partition,
      new Canary({
        publish: (bytes) => this.#publisher.publish(channel, bytes),
        isListening: () => this.#subscriber.isConfirmed(channel),
        onDeaf: () => this.#repair(partition),
      }),
    );
  }

  /** With interest of our own confirmed, no receivers at all means that we would not have got it. */
  async #publishHeard(channel: string, bytes: Uint8Array): Promise<number> {
    const receivers = await this.#publisher.publish(channel, bytes);
    if (receivers === 0 && this.#subscriber.isConfirmed(channel)) this.#repair(0);
    return receivers;
  }

  #repair(partition: number): void {
    this.#options.counters.canaryMisses += 1;
    const reason = 'what was published did not arrive';
    if (this.#options.isSharded) this.#subscriber.repeat(partition);
    else this.#listening.renew(reason);
    if (this.#options.mayDisagree) this.#publishing.renew(reason);
  }
}

/** The error of a start that could not reach a server. */
function unreachable(server: string, trouble: string): BackplaneUnavailableError {
  return new BackplaneUnavailableError(
    `Redis at ${server} cannot be used: ${trouble}. Start it, or correct the backplane's URL ` +
      `(address, user and password, TLS) and the user's rights`,
  );
}
