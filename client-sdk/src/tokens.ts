/** Where tokens come from, and when a connection gets a new one. */
import type { Backoff } from './backoff.ts';
import type { Environment } from './environment.ts';
import { TrunklineError } from './errors.ts';
import type { Link } from './link.ts';

/**
 * Why a token is wanted. `connect`: for a connection. `refresh`: the present one expires soon.
 * `refused`: for a connection, after an attempt that never got as far as to be served: the last
 * token may be the reason (a browser does not say), so do not bring it again.
 */
export type TokenReason = 'connect' | 'refresh' | 'refused';

/**
 * Brings a token. May be called at any time, and again when it fails.
 * @throws UnauthorizedError when there will be none: the client stops for good.
 */
export type GetToken = (request: { readonly reason: TokenReason }) => string | Promise<string>;

export interface TokenSourceOptions {
  readonly getToken: GetToken;
  readonly environment: Environment;
  /** Until `getToken` must have answered. */
  readonly waitMsMax: number;
}

export class TokenSource {
  readonly #options: TokenSourceOptions;
  readonly #timers = new Set<() => void>();

  constructor(options: TokenSourceOptions) {
    this.#options = options;
  }

  /** Nobody waits any more. */
  stop(): void {
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
  }

  /** @throws what `getToken` throws, or a `timeout`. */
  async get(reason: TokenReason): Promise<string> {
    const { environment, getToken, waitMsMax } = this.#options;
    let cancel: () => void = () => undefined;
    const late = new Promise<never>((_resolve, reject) => {
      cancel = environment.clock.after(waitMsMax, () => {
        const message = `getToken must answer within ${waitMsMax} ms (connectTimeoutMs)`;
        reject(new TrunklineError('timeout', message));
      });
    });
    this.#timers.add(cancel);
    try {
      return await Promise.race([getToken({ reason }), late]);
    } finally {
      cancel();
      this.#timers.delete(cancel);
    }
  }
}

/** Of a token's time; a crowd that connected together comes back spread. */
const refreshShareMin = 0.7;
const refreshShareMax = 0.9;

export interface RefresherOptions {
  readonly source: TokenSource;
  readonly environment: Environment;
  readonly backoff: Backoff;
  /** `getToken` failed, or the gateway refused the token; it is tried again. */
  readonly onError: (error: unknown) => void;
}

/** Brings new tokens over one link until it ends. */
export class TokenRefresher {
  readonly #options: RefresherOptions;
  readonly #link: Link;
  #lifetimeMs: number;
  #cancel: (() => void) | undefined;
  #isStopped = false;

  constructor(link: Link, expiresInMs: number, options: RefresherOptions) {
    this.#options = options;
    this.#link = link;
    this.#lifetimeMs = expiresInMs;
    this.#schedule();
  }

  /** Idempotent. */
  stop(): void {
    this.#isStopped = true;
    this.#cancel?.();
  }

  #schedule(): void {
    const { random } = this.#options.environment;
    const share = refreshShareMin + random() * (refreshShareMax - refreshShareMin);
    this.#after(this.#lifetimeMs * share);
  }

  #after(delayMs: number): void {
    if (this.#isStopped) return;
    this.#cancel = this.#options.environment.clock.after(delayMs, () => {
      this.#refresh().catch((error: unknown) => this.#failed(error));
    });
  }

  async #refresh(): Promise<void> {
    const token = await this.#options.source.get('refresh');
    if (this.#isStopped) return;
    this.#link.ask({ type: 'refreshToken', token }, (answer) => {
      // A link that ended stops this, too.
      if (answer === undefined) return;
      if (answer.success === true) {
        this.#options.backoff.reset();
        this.#lifetimeMs = lifetimeMsOf(token) ?? this.#lifetimeMs;
        return this.#schedule();
      }
      const { message = '', name } = answer.error ?? {};
      this.#failed(new TrunklineError('refused', message, { refusal: name }));
    });
  }

  #failed(error: unknown): void {
    if (this.#isStopped) return;
    this.#after(this.#options.backoff.nextMs());
    this.#options.onError(error);
  }
}

/**
 * From its issue to its expiry, by its own word: the clock of this machine may be wrong.
 * Undefined for a token that does not say it.
 */
function lifetimeMsOf(token: string): number | undefined {
  try {
    const payload = atob((token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/'));
    // The claims of a token; the gateway has verified it.
    const { exp, iat } = JSON.parse(payload) as { readonly exp?: number; readonly iat?: number };
    const seconds = Number(exp) - Number(iat);
    return seconds > 0 ? seconds * 1000 : undefined;
  } catch {
    // Not a token that this client can read: it need not.
    return undefined;
  }
}
