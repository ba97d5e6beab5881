/**
 * Keeps one session with one of the servers alive: dials, has every new connection prove itself,
 * replaces it when it ends, and says what happened.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { NatsConnection, ServerInfo } from '@nats-io/transport-node';
import { BackplaneUnavailableError } from '../backplane.ts';
import { dial, type DialFailure } from './dial.ts';
import { addressText, type NatsUrl } from './nats-url.ts';
import { ServerPool } from './server-pool.ts';
import { Session, type SessionEnd } from './session.ts';
import type { NatsCounters, NatsSettings } from './settings.ts';
import { prove } from './prove.ts';

export interface LinkOptions {
  readonly url: NatsUrl;
  readonly settings: NatsSettings;
  readonly counters: NatsCounters;
  /** Brings the node's interest to a new session; the session is used when it resolves. */
  readonly restore: (session: Session) => Promise<void>;
  readonly onUp: (info: ServerInfo, previous: SessionEnd | undefined) => void;
  readonly onDown: (detail: string) => void;
}

export class Link {
  readonly #options: LinkOptions;
  readonly #pool: ServerPool;
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;
  #session: Session | undefined;
  #info: ServerInfo | undefined;
  /** Why there is no session. */
  #detail = 'no server has answered yet';
  #reportedDetail: string | undefined;
  /** By server, since the last session. */
  readonly #failures = new Map<string, DialFailure>();
  #onFirst: (() => void) | undefined;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#pool = new ServerPool(options.url.servers, options.settings.random);
  }

  /** The session that works, if one does. */
  get session(): Session | undefined {
    return this.#session?.isUsable === true ? this.#session : undefined;
  }

  /** What the server of the last session said of itself. */
  get info(): ServerInfo | undefined {
    return this.#info;
  }

  /** For errors: why there is no session, and which servers were tried. */
  get detail(): string {
    return `no connection to NATS at ${this.#servers()}: ${this.#detail}`;
  }

  /** @throws BackplaneUnavailableError when no session came up in time, or none can. */
  async start(): Promise<void> {
    const { startTimeoutMs } = this.#options.settings;
    let timer: NodeJS.Timeout | undefined;
    const isUp = await new Promise<boolean>((resolve) => {
      this.#onFirst = () => resolve(true);
      timer = setTimeout(() => resolve(false), startTimeoutMs);
      this.#running = this.#run();
      void this.#running.then(() => resolve(false));
    });
    clearTimeout(timer);
    this.#onFirst = undefined;
    if (isUp) return;
    const within = this.#isHopeless() ? '' : ` within ${startTimeoutMs} ms`;
    const error = new BackplaneUnavailableError(
      `Cannot use NATS at ${this.#servers()}${within}: ${this.#detail}`,
    );
    await this.close();
    throw error;
  }

  /** Waits a little for what is on its way, and ends. Idempotent. */
  async close(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    this.#stop.abort();
    await session?.drain(this.#options.settings.drainTimeoutMs, 'this node closed it');
    await this.#running;
    this.#detail = 'closed';
  }

  async #run(): Promise<void> {
    const { reconnectWaitMs, random } = this.#options.settings;
    let previous: SessionEnd | undefined;
    while (!this.#stop.signal.aborted) {
      const session = await this.#connect();
      if (session !== undefined) {
        previous = await this.#use(session, previous);
        continue;
      }
      if (this.#onFirst !== undefined && this.#isHopeless()) return;
      const pauseMs = reconnectWaitMs * (1 + random());
      await sleep(pauseMs, undefined, { signal: this.#stop.signal }).catch(() => undefined);
    }
  }

  /** Tries every server once. */
  async #connect(): Promise<Session | undefined> {
    const { settings, url } = this.#options;
    const { signal } = this.#stop;
    for (const address of this.#pool.round()) {
      const { connection, failure } = await dial(address, { settings, url, signal });
      if (failure !== undefined) {
        this.#failed(failure);
      } else {
        const session = this.#open(connection);
        const reason = await prove(session, this.#options);
        if (reason === undefined && !signal.aborted) return session;
        session.end(reason ?? 'this node closed it');
        if (reason !== undefined) {
          this.#failed({ server: addressText(address), reason, isRefusal: false });
        }
      }
      if (signal.aborted) return undefined;
    }
    this.#down(this.#detail);
    return undefined;
  }

  #failed(failure: DialFailure): void {
    if (this.#stop.signal.aborted) return;
    this.#failures.set(failure.server, failure);
    this.#detail = [...this.#failures.values()]
      .map(({ reason, server }) => `${server}: ${reason}`)
      .join('; ');
  }

  #open(connection: NatsConnection): Session {
    const { counters, settings } = this.#options;
    const learn = (): void => {
      this.#info = connection.info ?? this.#info;
      this.#pool.learn(connection.info?.connect_urls ?? []);
    };
    learn();
    counters.connects += 1;
    const session: Session = new Session({
      connection,
      settings,
      counters,
      onLameDuck: () => this.#leave(session),
      onInfo: learn,
    });
    return session;
  }

  /** Resolves when the session is over. */
  async #use(session: Session, previous: SessionEnd | undefined): Promise<SessionEnd> {
    const { counters, onUp } = this.#options;
    this.#session = session;
    this.#reportedDetail = undefined;
    this.#failures.clear();
    if (this.#info !== undefined) onUp(this.#info, previous);
    this.#onFirst?.();
    const end = await session.ended;
    this.#session = undefined;
    if (this.#stop.signal.aborted) return end;
    counters.disconnects += 1;
    this.#down(end.reason);
    return end;
  }

  /** The server shuts down and there are others: moves before it throws everybody out. */
  #leave(session: Session): void {
    if (this.#pool.size < 2 || session !== this.#session) return;
    const { drainTimeoutMs, random } = this.#options.settings;
    // Not all clients of the server at once.
    sleep(1000 * random(), undefined, { signal: this.#stop.signal, ref: false }).then(
      () => session.drain(drainTimeoutMs, 'the server is shutting down'),
      () => undefined,
    );
  }

  #down(detail: string): void {
    this.#detail = detail;
    if (this.#onFirst !== undefined || this.#stop.signal.aborted) return;
    if (detail === this.#reportedDetail) return;
    this.#reportedDetail = detail;
    this.#options.onDown(this.detail);
  }

  #isHopeless(): boolean {
    const failures = [...this.#failures.values()];
    return failures.length >= this.#pool.size && failures.every(({ isRefusal }) => isRefusal);
  }

  #servers(): string {
    return this.#options.url.servers.map((server) => addressText(server)).join(', ');
  }
}
