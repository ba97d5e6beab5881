/**
 * Keeps one session with the service alive: connects with a new token each time, replaces the
 * session when it ends, and says what happened.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { BackplaneUnavailableError } from '../backplane.ts';
import type { DialFailure } from './dial.ts';
import { Session, type SessionOptions } from './session.ts';
import { stableAfterMs } from './settings.ts';
import type { WireEnd } from './wire.ts';

export interface LinkOptions extends Omit<SessionOptions, 'signal'> {
  readonly onUp: (previous: WireEnd | undefined) => void;
  readonly onDown: (detail: string) => void;
}

export class Link {
  readonly #options: LinkOptions;
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;
  #session: Session | undefined;
  #failure: DialFailure | undefined;
  /** Why there is no session. */
  #detail = 'it has not answered yet';
  #reportedDetail: string | undefined;
  #failures = 0;
  #onFirst: (() => void) | undefined;

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  /** The session that works, if one does. */
  get session(): Session | undefined {
    return this.#session?.isUsable === true ? this.#session : undefined;
  }

  /** For errors: why there is no session. */
  get detail(): string {
    return `no connection to Azure Web PubSub at ${this.#options.service.host}: ${this.#detail}`;
  }

  /** @throws BackplaneUnavailableError when no session came up in time, or none can. */
  async start(): Promise<void> {
    const { service, settings } = this.#options;
    const { startTimeoutMs } = settings;
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
    const within = this.#failure?.isRefusal === true ? '' : ` within ${startTimeoutMs} ms`;
    const error = new BackplaneUnavailableError(
      `Cannot use Azure Web PubSub at ${service.host}${within}: ${this.#detail}`,
    );
    await this.close();
    throw error;
  }

  /** Waits a little for what is on its way, and ends. Idempotent. */
  async close(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    this.#stop.abort();
    await session?.drain();
    await this.#running;
    this.#detail = 'closed';
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    let previous: WireEnd | undefined;
    while (!signal.aborted) {
      const { failure, session } = await Session.open({ ...this.#options, signal });
      if (session !== undefined) {
        if (signal.aborted) {
          await session.drain();
          return;
        }
        previous = await this.#use(session, previous);
      } else {
        this.#failure = failure;
        this.#down(failure.reason);
        // Waiting makes no wrong key right; later on it may be a key that is being changed.
        if (this.#onFirst !== undefined && failure.isRefusal) return;
      }
      await this.#pause();
    }
  }

  /** Resolves when the session is over. */
  async #use(session: Session, previous: WireEnd | undefined): Promise<WireEnd> {
    const { counters, onUp } = this.#options;
    const upAt = performance.now();
    this.#session = session;
    this.#reportedDetail = undefined;
    counters.connects += 1;
    onUp(previous);
    this.#onFirst?.();
    const end = await session.ended;
    this.#session = undefined;
    if (this.#stop.signal.aborted) return end;
    counters.disconnects += 1;
    if (performance.now() - upAt >= stableAfterMs) this.#failures = 0;
    this.#down(end.reason);
    return end;
  }

  /** Fully random, so that nodes that lost the service together come back spread out. */
  async #pause(): Promise<void> {
    const { random, reconnectBaseMs, reconnectMaxMs } = this.#options.settings;
    const pauseMs = random() * Math.min(reconnectMaxMs, reconnectBaseMs * 2 ** this.#failures);
    this.#failures += 1;
    await sleep(pauseMs, undefined, { signal: this.#stop.signal }).catch(() => undefined);
  }

  #down(detail: string): void {
    this.#detail = detail;
    if (this.#onFirst !== undefined || this.#stop.signal.aborted) return;
    if (detail === this.#reportedDetail) return;
    this.#reportedDetail = detail;
    this.#options.onDown(this.detail);
  }
}
