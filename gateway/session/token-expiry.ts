/**
 * Ends connections whose tokens have expired without a new one: all of the node by one timer, to
 * within about two seconds. Expiry is the issuer's time and is looked at once, against the wall
 * clock; from then on a duration runs, so that a clock that is set ends nobody.
 */
import type { Clock } from '../clock.ts';

export interface TokenExpiryOptions {
  readonly clock: Pick<Clock, 'every' | 'monotonicMs' | 'wallSeconds'>;
  /** How long after the expiry a new token is waited for. */
  readonly graceMs: number;
}

/** Who has a token that expires. */
export interface TokenOwner {
  /** The token has expired, and the grace is over. Is not called again. */
  onTokenExpired(): void;
}

const sweepPeriodMs = 1000;

export class TokenExpiry {
  readonly #options: TokenExpiryOptions;
  /** By the sweep that ends them, counted from the clock's origin. */
  readonly #due = new Map<number, Set<TokenOwner>>();
  /** The last sweep that was made. */
  #swept = 0;
  #stop: (() => void) | undefined;

  constructor(options: TokenExpiryOptions) {
    this.#options = options;
  }

  /**
   * Ms from now until a token expires that is good until `expiresAt` (seconds since 1970);
   * undefined: it never does. 0: it has; clocks may differ, so that one was taken all the same.
   */
  remainingMs(expiresAt: number): number | undefined {
    if (expiresAt === Number.POSITIVE_INFINITY) return undefined;
    const seconds = expiresAt - this.#options.clock.wallSeconds();
    return Math.max(0, Math.round(seconds * 1000));
  }

  /** Returns what `remove` needs; undefined: the token never expires. */
  add(owner: TokenOwner, expiresAt: number): number | undefined {
    const remainingMs = this.remainingMs(expiresAt);
    if (remainingMs === undefined) return undefined;
    const { clock, graceMs } = this.#options;
    const now = clock.monotonicMs();
    const sweep = Math.floor((now + remainingMs + graceMs) / sweepPeriodMs) + 1;
    if (this.#stop === undefined) {
      this.#swept = Math.floor(now / sweepPeriodMs);
      this.#stop = clock.every(sweepPeriodMs, () => this.#sweep());
    }
    const owners = this.#due.get(sweep);
    if (owners === undefined) this.#due.set(sweep, new Set([owner]));
    else owners.add(owner);
    return sweep;
  }

  /** Idempotent. */
  remove(owner: TokenOwner, sweep: number | undefined): void {
    if (sweep === undefined) return;
    const owners = this.#due.get(sweep);
    if (owners?.delete(owner) === true && owners.size === 0) this.#due.delete(sweep);
    this.#stopIfIdle();
  }

  #sweep(): void {
    const now = Math.floor(this.#options.clock.monotonicMs() / sweepPeriodMs);
    while (this.#swept < now) {
      this.#swept += 1;
      const owners = this.#due.get(this.#swept);
      this.#due.delete(this.#swept);
      for (const owner of owners ?? []) owner.onTokenExpired();
    }
    this.#stopIfIdle();
  }

  #stopIfIdle(): void {
    if (this.#due.size > 0) return;
    this.#stop?.();
    this.#stop = undefined;
  }
}
