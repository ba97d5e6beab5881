/**
 * This node's interest on one server: a connection of its own, SUBSCRIBE in batches, all of it
 * announced anew after every reconnect and reported when the broker has confirmed it.
 */
import type { Redis } from 'ioredis';
import { BackplaneUnavailableError, type GapReason } from '../backplane.ts';
import type { Connection } from './connection.ts';
import { channelsPerCommandMax, type RedisCounters, type RedisSettings } from './settings.ts';

/** Interest in one channel. It belongs to one subscriber at a time. */
export interface Interest {
  readonly channel: string;
  readonly partition: number;
  /** Undefined for a canary. */
  readonly key: string | undefined;
  isConfirmed: boolean;
  readonly waiters: {
    readonly deadline: number;
    readonly resolve: () => void;
    readonly reject: (error: Error) => void;
  }[];
}

export interface SubscriberEvents {
  readonly onEnvelope: (key: string, bytes: Uint8Array) => void;
  readonly onCanary: (partition: number, bytes: Uint8Array) => void;
  /** Envelopes may have been lost on these keys; interest in them is confirmed again. */
  readonly onGap: (keys: readonly string[], reason: GapReason) => void;
  /** `isUp` may have changed. */
  readonly onState: () => void;
  /** Another server has some of the channels now; `message` is the server's reply, if it was one. */
  readonly onMoved: (message: string | undefined) => void;
}

export interface SubscriberOptions {
  readonly server: string;
  readonly connection: Connection;
  /** True: SSUBSCRIBE, with the channels of one partition in one command. */
  readonly isSharded: boolean;
  readonly settings: RedisSettings;
  readonly counters: RedisCounters;
  readonly events: SubscriberEvents;
}

interface Change {
  readonly kind: 'subscribe' | 'unsubscribe';
  readonly interest: Interest;
  readonly done?: () => void;
}

export class Subscriber {
  readonly #options: SubscriberOptions;
  readonly #interests = new Map<string, Interest>();
  /** Those that somebody waits for. */
  readonly #awaited = new Set<Interest>();
  #changes: Change[] = [];
  #isRestored = false;
  #isRestoring = false;
  #owesGap = false;

  constructor(options: SubscriberOptions) {
    this.#options = options;
  }

  /** True: connected, and all interest that there was is confirmed. */
  get isUp(): boolean {
    return this.#isRestored && this.#options.connection.client !== undefined;
  }

  isConfirmed(channel: string): boolean {
    return this.#interests.get(channel)?.isConfirmed === true && this.isUp;
  }

  /** Resolves when the broker confirmed it; rejects, and forgets it, when that takes too long. */
  subscribe(channel: string, partition: number, key: string | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      let interest = this.#interests.get(channel);
      if (interest?.isConfirmed === true) {
        resolve();
        return;
      }
      const deadline = performance.now() + this.#options.settings.publishTimeoutMs;
      if (interest === undefined) {
        interest = { channel, partition, key, isConfirmed: false, waiters: [] };
        this.#interests.set(channel, interest);
        this.#change({ kind: 'subscribe', interest });
      }
      interest.waiters.push({ deadline, resolve, reject });
      this.#awaited.add(interest);
    });
  }

  /** Resolves when the broker confirmed the end, or lost the connection and thus the interest. */
  unsubscribe(channel: string): Promise<void> {
    const interest = this.#interests.get(channel);
    if (interest === undefined) return Promise.resolve();
    this.#forget(interest, 'was given up before it was confirmed');
    return new Promise((resolve) => {
      this.#change({ kind: 'unsubscribe', interest, done: resolve });
    });
  }

  /** Resolves when everything that the server has sent has been read. @throws when it cannot be. */
  async caughtUp(): Promise<void> {
    const client = this.#options.connection.client;
    if (client === undefined || !this.isUp) {
      throw new BackplaneUnavailableError(`Redis ${this.#options.server} is not listened to now`);
    }
    // The answer comes behind the messages.
    await client.ping();
  }

  /** Hands the interest of a partition to whoever has it next. */
  release(partition: number): Interest[] {
    const released = [...this.#interests.values()].filter((one) => one.partition === partition);
    for (const interest of released) {
      this.#interests.delete(interest.channel);
      this.#awaited.delete(interest);
      interest.isConfirmed = false;
      this.#change({ kind: 'unsubscribe', interest });
    }
    return released;
  }

  /** Takes over interest that was another server's; raises a gap when it is confirmed here. */
  adopt(interests: readonly Interest[]): void {
    for (const interest of interests) {
      this.#interests.set(interest.channel, interest);
      if (interest.waiters.length > 0) this.#awaited.add(interest);
    }
    const client = this.#options.connection.client;
    if (client === undefined) this.#owesGap = true;
    else void this.#announce(client, interests, 'failover');
  }

  /** Announces the interest of a partition anew, where it went deaf. */
  repeat(partition: number): void {
    const client = this.#options.connection.client;
    if (client === undefined) return;
    const interests = [...this.#interests.values()].filter((one) => one.partition === partition);
    void this.#announce(client, interests, 'resubscribed');
  }

  /** Gives up on what has waited too long, and tries again what failed. Call it every so often. */
  tick(): void {
    const now = performance.now();
    for (const interest of this.#awaited) {
      const [first] = interest.waiters;
      if (first === undefined || first.deadline > now) continue;
      this.#forget(interest, 'was not confirmed in time');
      this.#change({ kind: 'unsubscribe', interest });
    }
    const client = this.#options.connection.client;
    if (client === undefined || this.#isRestored || this.#isRestoring) return;
    void this.#restore(client);
  }

  /** The connection is new: everything is announced on it. */
  attach(client: Redis): void {
    client.on(this.#options.isSharded ? 'smessageBuffer' : 'messageBuffer', this.#onMessage);
    if (this.#options.isSharded) client.on('moved', () => this.#options.events.onMoved(undefined));
    void this.#restore(client);
  }

  /** The connection is lost, and with it all that was confirmed. */
  lost(): void {
    this.#isRestored = false;
    this.#isRestoring = false;
    for (const interest of this.#interests.values()) interest.isConfirmed = false;
  }

  /** Rejects everybody who still waits. */
  close(): void {
    for (const interest of this.#awaited) this.#forget(interest, 'was given up by closing');
    this.#interests.clear();
  }

  readonly #onMessage = (channel: Buffer, bytes: Buffer): void => {
    const interest = this.#interests.get(channel.toString());
    if (interest === undefined) return;
    if (interest.key === undefined) {
      this.#options.events.onCanary(interest.partition, bytes);
    } else {
      this.#options.counters.received += 1;
      this.#options.events.onEnvelope(interest.key, bytes);
    }
  };

  async #restore(client: Redis): Promise<void> {
    const { connection, counters, events } = this.#options;
    this.#isRestoring = true;
    const isAgain = this.#owesGap;
    this.#changes = this.#changes.filter((change) => {
      change.done?.();
      return false;
    });
    const interests = [...this.#interests.values()];
    const isConfirmed = await this.#announce(client, interests, undefined);
    if (connection.client !== client) return;
    this.#isRestoring = false;
    if (!isConfirmed) return;
    this.#isRestored = true;
    this.#owesGap = true;
    if (isAgain) {
      counters.resubscribes += 1;
      events.onGap(keysOf(interests), 'reconnected');
    }
    events.onState();
  }

  #forget(interest: Interest, why: string): void {
    this.#interests.delete(interest.channel);
    this.#awaited.delete(interest);
    const { server } = this.#options;
    for (const waiter of interest.waiters.splice(0)) {
      waiter.reject(new BackplaneUnavailableError(`The interest at Redis ${server} ${why}`));
    }
  }

  #change(change: Change): void {
    if (this.#changes.length === 0) setImmediate(() => this.#flush());
    this.#changes.push(change);
  }

  /** Sends what one turn of the event loop collected, in order, in as few commands as possible. */
  #flush(): void {
    const changes = this.#changes;
    this.#changes = [];
    const client = this.#options.connection.client;
    if (client === undefined) {
      for (const change of changes) change.done?.();
      return;
    }
    let run: Change[] = [];
    for (const change of changes) {
      const [first] = run;
      if (first !== undefined && (first.kind !== change.kind || !this.#mayJoin(run, change))) {
        this.#send(client, run);
        run = [];
      }
      run.push(change);
    }
    this.#send(client, run);
  }

  #mayJoin(run: readonly Change[], { interest }: Change): boolean {
    if (run.length >= channelsPerCommandMax) return false;
    return !this.#options.isSharded || run[0]?.interest.partition === interest.partition;
  }

  #send(client: Redis, run: readonly Change[]): void {
    const interests = run.map(({ interest }) => interest);
    if (run[0]?.kind === 'subscribe') {
      void this.#subscribeBatch(client, interests);
      return;
    }
    const channels = interests.map(({ channel }) => channel);
    if (channels.length === 0) return;
    const settle = (): void => {
      for (const change of run) change.done?.();
    };
    const command = this.#options.isSharded
      ? client.sunsubscribe(...channels)
      : client.unsubscribe(...channels);
    // A refusal or a lost connection changes nothing: what still arrives is dropped.
    command.then(settle, settle);
  }

  /** True: all of it is confirmed. Raises a gap for its keys then, where a reason is given. */
  async #announce(
    client: Redis,
    interests: readonly Interest[],
    reason: GapReason | undefined,
  ): Promise<boolean> {
    const batches = [...batchesOf(interests, this.#options.isSharded)];
    const confirmed = await Promise.all(batches.map((one) => this.#subscribeBatch(client, one)));
    if (!confirmed.every(Boolean)) return false;
    const keys = keysOf(interests);
    if (reason !== undefined && keys.length > 0) {
      this.#options.counters.resubscribes += 1;
      this.#options.events.onGap(keys, reason);
    }
    return true;
  }

  async #subscribeBatch(client: Redis, interests: readonly Interest[]): Promise<boolean> {
    const channels = interests.map(({ channel }) => channel);
    try {
      if (this.#options.isSharded) await client.ssubscribe(...channels);
      else await client.subscribe(...channels);
    } catch (error) {
      return this.#failed(client, interests, error);
    }
    if (client !== this.#options.connection.client) return false;
    for (const interest of interests) this.#confirm(interest);
    return true;
  }

  #confirm(interest: Interest): void {
    if (this.#interests.get(interest.channel) !== interest) return;
    interest.isConfirmed = true;
    this.#awaited.delete(interest);
    for (const waiter of interest.waiters.splice(0)) waiter.resolve();
  }

  /** True: the failure is somebody else's to repair, and this server has confirmed what is its own. */
  #failed(client: Redis, interests: readonly Interest[], error: unknown): boolean {
    if (client !== this.#options.connection.client) return false;
    const message = error instanceof Error ? error.message : String(error);
    if (message.startsWith('MOVED ')) {
      this.#options.events.onMoved(message);
      return true;
    }
    for (const interest of interests) {
      if (interest.waiters.length > 0) this.#forget(interest, `was refused: ${message}`);
    }
    return false;
  }
}

function keysOf(interests: readonly Interest[]): string[] {
  return interests.flatMap(({ key }) => (key === undefined ? [] : [key]));
}

function* batchesOf(interests: readonly Interest[], byPartition: boolean): Iterable<Interest[]> {
  const groups = new Map<number, Interest[]>();
  for (const interest of interests) {
    const name = byPartition ? interest.partition : 0;
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [interest]);
    else group.push(interest);
  }
  for (const group of groups.values()) {
    for (let from = 0; from < group.length; from += channelsPerCommandMax) {
      yield group.slice(from, from + channelsPerCommandMax);
    }
  }
}
