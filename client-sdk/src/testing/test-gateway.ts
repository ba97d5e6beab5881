/** A gateway in memory: it speaks trunkline.v1.json to clients in this process, and can fail. */
import { createClient, type Client } from '../client.ts';
import { runtime, type Clock, type Environment } from '../environment.ts';
import type { ClientOptions } from '../options.ts';
import type { Published } from '../publisher.ts';
import type { AnyGroups } from '../schema.ts';
import { carried, type OnTestEvent } from './requests.ts';
import { TestHub, type Place } from './test-hub.ts';
import { TestSession } from './test-session.ts';
import { TestSocket } from './test-socket.ts';
import { claimsOf, tokenOf, type TestTokenOptions } from './test-token.ts';

export interface TestGatewayOptions {
  /**
   * What is a stream: patterns as in a schema, `@user` and `@hub`. Everything else is live. Default:
   * everything is a stream.
   */
  readonly streams?: readonly string[] | undefined;
  /** Messages that each stream retains. Default 1,000. */
  readonly retainedMax?: number | undefined;
  /** Default 10,000. */
  readonly heartbeatMs?: number | undefined;
  /** Of the gateway and its clients, for instance a `ManualClock`. Default: that of the runtime. */
  readonly clock?: Clock | undefined;
  /** The application's backend: takes `client.send` and answers `client.invoke`. */
  readonly onEvent?: OnTestEvent | undefined;
}

export interface TestClientOptions<Schema extends object = AnyGroups> extends Partial<
  ClientOptions<Schema>
> {
  /** What its tokens say; without meaning beside `getToken`. */
  readonly token?: TestTokenOptions | undefined;
}

export interface TestPublishOptions {
  /** Who is said to have published it. Default: the server. */
  readonly fromUserId?: string | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

export interface KickOptions {
  /** Default 1000, after which a client does not come back. */
  readonly code?: number | undefined;
  readonly reason?: string | undefined;
}

/** A client that is connected. */
export interface TestConnection {
  readonly connectionId: string;
  readonly userId: string | undefined;
}

const everything = ['{group}', '@user', '@hub'];
/** An application's test should not wait for a client that tries again. */
const hasty = { backoffBaseMs: 1, backoffCapMs: 10 };

export class TestGateway {
  /** For the option `url`; nothing is connected to but this object. */
  readonly url = 'ws://gateway.test/client/hubs/test';
  /** For the option `environment`. */
  readonly environment: Pick<Environment, 'WebSocket' | 'clock'>;
  readonly #options: TestGatewayOptions;
  readonly #hub: TestHub;
  readonly #sessions = new Set<TestSession>();
  readonly #clients = new Set<{ close(): void }>();
  readonly #startMs: number;
  #isRefusing = false;
  #connections = 0;

  constructor(options: TestGatewayOptions = {}) {
    const { clock = runtime.clock, retainedMax = 1000, streams = everything } = options;
    this.#options = options;
    this.#startMs = Date.now() - clock.nowMs();
    this.#hub = new TestHub({ streams, retainedMax, nowMs: () => this.#nowMs() });
    const accept = (url: string, socket: TestSocket): TestSession | undefined =>
      this.#accept(url, socket);
    this.environment = {
      clock,
      WebSocket: class extends TestSocket {
        constructor(url: string, subprotocols: readonly string[]) {
          super(subprotocols, (socket) => accept(url, socket));
        }
      },
    };
  }

  /** A client of this gateway, which `close` closes. Options are those of `createClient`. */
  client<Schema extends object = AnyGroups>(
    userId?: string,
    { token, ...options }: TestClientOptions<Schema> = {},
  ): Client<Schema> {
    const client = createClient<Schema>({
      ...hasty,
      url: this.url,
      getToken: () => this.token(userId, token),
      ...options,
      environment: { ...this.environment, ...options.environment },
    });
    this.#clients.add(client);
    return client;
  }

  /** For the option `getToken`. Real tokens are taken, too: nobody looks at a signature. */
  token(userId?: string, options?: TestTokenOptions): string {
    return tokenOf(userId, this.#nowMs(), options);
  }

  /** As the server API publishes to a group. */
  publish(group: string, data: unknown, options?: TestPublishOptions): Published {
    return this.#publish({ kind: 'group', name: group }, data, options);
  }

  sendToUser(userId: string, data: unknown, options?: TestPublishOptions): Published {
    return this.#publish({ kind: 'user', name: userId }, data, options);
  }

  sendToAll(data: unknown, options?: TestPublishOptions): Published {
    return this.#publish({ kind: 'all', name: '' }, data, options);
  }

  /** Everybody who is connected. */
  get connections(): readonly TestConnection[] {
    return [...this.#sessions].map(({ connectionId, userId }) => ({ connectionId, userId }));
  }

  /** Everybody who is in the group. */
  members(group: string): readonly TestConnection[] {
    return [...this.#sessions]
      .filter((each) => each.isIn({ kind: 'group', name: group }))
      .map(({ connectionId, userId }) => ({ connectionId, userId }));
  }

  /** Cuts the network: of one user, or of everybody. */
  cut(userId?: string): void {
    for (const session of this.#of(userId)) session.cut();
  }

  /** From now on connections fail; those that are there stay. */
  refuse(): void {
    this.#isRefusing = true;
  }

  /** Connections succeed again. */
  welcome(): void {
    this.#isRefusing = false;
  }

  /** Closes a user's connections, as the server API does. */
  kick(userId: string, { code = 1000, reason = '' }: KickOptions = {}): void {
    for (const session of this.#of(userId)) session.end(code, reason);
  }

  /** The node of all connections goes away: clients move within that time, the rest is closed. */
  goAway(withinMs: number): void {
    for (const session of this.#sessions) session.goAway(withinMs);
  }

  /** Retention takes what a group retains: who comes back to it later is told of a gap. */
  forget(group: string): void {
    this.#hub.streamOf({ kind: 'group', name: group })?.forget();
  }

  /** Ends everything, the clients that it made included. */
  close(): void {
    this.#isRefusing = true;
    for (const client of this.#clients) client.close();
    this.#clients.clear();
    this.cut();
  }

  #of(userId: string | undefined): readonly TestSession[] {
    return [...this.#sessions].filter((each) => userId === undefined || each.userId === userId);
  }

  #nowMs(): number {
    return Math.round(this.#startMs + (this.#options.clock ?? runtime.clock).nowMs());
  }

  #publish(place: Place, data: unknown, options: TestPublishOptions = {}): Published {
    const { fromUserId, metadata } = options;
    return this.#hub.publish(place, {
      ...carried(data),
      fromUserId,
      metadata,
      exceptConnectionId: undefined,
      expiresAtMs: Infinity,
    });
  }

  #accept(url: string, socket: TestSocket): TestSession | undefined {
    const claims = claimsOf(new URL(url).searchParams.get('access_token') ?? '');
    const isGood = claims !== undefined && claims.expiresAtMs > this.#nowMs();
    if (this.#isRefusing || !isGood) return undefined;
    const { heartbeatMs = 10_000, onEvent } = this.#options;
    this.#connections += 1;
    const session = new TestSession({
      hub: this.#hub,
      socket,
      clock: this.environment.clock,
      claims,
      connectionId: `connection-${this.#connections}`,
      heartbeatMs,
      nowMs: () => this.#nowMs(),
      onEvent,
      onEnd: (ended) => this.#sessions.delete(ended),
    });
    this.#sessions.add(session);
    return session;
  }
}

/** A gateway without clients. Close it at the end of the test. */
export function createTestGateway(options?: TestGatewayOptions): TestGateway {
  return new TestGateway(options);
}
