/**
 * What a session does only for clients of our own subprotocols: it greets them, gives them signs
 * of life, takes new tokens, and ends when the token does.
 */
import { GatewayError } from '../errors.ts';
import { closeCodes } from '../protocol/close-codes.ts';
import type { Greeting } from '../protocol/model.ts';
import { shown } from '../protocol/shown.ts';
import type { Entered, Subscriber, SubscriberOwner } from '../router/ports.ts';
import type { Connection, SessionServices } from './session-services.ts';
import type { TokenOwner } from './token-expiry.ts';

export interface NativeLifeOptions {
  readonly session: Connection & SubscriberOwner;
  readonly subscriber: Subscriber;
  readonly services: SessionServices;
  /** Of the token at connect: seconds since 1970, or infinity. */
  readonly expiresAt: number;
}

export class NativeLife implements TokenOwner {
  readonly #options: NativeLifeOptions;
  #expiresAt: number;
  /** Its place in the wheel of heartbeats; undefined: it gets none. */
  #slot: number | undefined;
  #sweep: number | undefined;
  #isEnded = false;
  /** Refreshes are numbered as they were asked for; a late one does not undo a newer one. */
  #refreshes = 0;
  #lastRefresh = 0;

  constructor(options: NativeLifeOptions) {
    this.#options = options;
    this.#expiresAt = options.expiresAt;
  }

  /** The connection is ready: heartbeats come and the token's time runs until `end`. */
  begin(streams: readonly Entered[]): Greeting {
    const { services, subscriber } = this.#options;
    const { heartbeats, tokenExpiry } = services;
    this.#slot = heartbeats.add(subscriber);
    this.#sweep = tokenExpiry.add(this, this.#expiresAt);
    return {
      heartbeatMs: heartbeats.periodMs,
      tokenExpiresInMs: tokenExpiry.remainingMs(this.#expiresAt),
      streams,
    };
  }

  /** Idempotent. */
  end(): void {
    this.#isEnded = true;
    const { services, subscriber } = this.#options;
    if (this.#slot !== undefined) services.heartbeats.remove(subscriber, this.#slot);
    services.tokenExpiry.remove(this, this.#sweep);
  }

  /**
   * Takes over the rights and the expiry of a new token. Rights that were granted or revoked since
   * the connection began are replaced, too; groups named in the token are not joined.
   * @throws GatewayError `bad-token`, `issuer-unavailable`; `forbidden`: it is another user's.
   */
  async refresh(token: string): Promise<void> {
    const { services, session } = this.#options;
    this.#refreshes += 1;
    const turn = this.#refreshes;
    const identity = await services.verifyClient(token, session.hub);
    if (identity.userId !== session.userId) {
      throw new GatewayError(
        'forbidden',
        `The new token is of ${nameOf(identity.userId)}, but the connection of ${nameOf(session.userId)}; connect anew to be somebody else`,
      );
    }
    if (this.#isEnded || turn < this.#lastRefresh) return;
    this.#lastRefresh = turn;
    session.permissions = services.permissionsFor(identity.roles);
    this.#expiresAt = identity.expiresAt;
    services.tokenExpiry.remove(this, this.#sweep);
    this.#sweep = services.tokenExpiry.add(this, identity.expiresAt);
    services.counters.tokensRefreshed += 1;
  }

  onTokenExpired(): void {
    this.#options.services.counters.tokensExpired += 1;
    this.#options.session.close(
      closeCodes.tokenExpired,
      'The token has expired and no new one came in time; connect with a new one',
    );
  }
}

function nameOf(userId: string | undefined): string {
  return userId === undefined ? 'no user' : `user ${shown(userId)}`;
}
