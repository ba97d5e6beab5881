/**
 * Tokens with which the client of a reliable connection comes back to it (Azure §4): HS256 over the
 * access key like all others, but of an issuer of their own and good for one connection only.
 */
import { randomBytes } from 'node:crypto';
import { createSigner, createVerifier, TokenError } from 'fast-jwt';
import type { Clock } from '../clock.ts';
import { checkTimes, type Claims } from './claims.ts';
import { GatewayError } from '../errors.ts';

export interface ReconnectionTokensOptions {
  /** The first signs; a token signed with any of them is good. */
  readonly accessKeys: readonly string[];
  readonly clock: Pick<Clock, 'wallSeconds'>;
}

const issuer = 'trunkline/reconnect';
const lifeSeconds = 7 * 24 * 3600;
const lengthMax = 4096;
const madeUpKeyBytes = 32;

export class ReconnectionTokens {
  readonly #clock: Pick<Clock, 'wallSeconds'>;
  readonly #sign: (claims: Claims) => string;
  readonly #verifiers: readonly ((token: string) => Claims)[];

  /** Without an access key one is made up: then tokens are good on this node only. */
  constructor({ accessKeys, clock }: ReconnectionTokensOptions) {
    const texts =
      accessKeys.length > 0 ? accessKeys : [randomBytes(madeUpKeyBytes).toString('hex')];
    const keys = texts.map((text) => Buffer.from(text));
    this.#clock = clock;
    this.#sign = createSigner({ key: keys[0] ?? '', algorithm: 'HS256' });
    this.#verifiers = keys.map((key) =>
      createVerifier({
        key,
        algorithms: ['HS256'],
        // Times are checked by our clock.
        ignoreExpiration: true,
        ignoreNotBefore: true,
        cache: false,
      }),
    );
  }

  /** A token for this connection, good for seven days. */
  sign(connectionId: string): string {
    const iat = Math.floor(this.#clock.wallSeconds());
    return this.#sign({ iss: issuer, aud: connectionId, iat, exp: iat + lifeSeconds });
  }

  /** Whether the token is good for this connection now. */
  isFor(connectionId: string, token: string): boolean {
    if (token.length > lengthMax) return false;
    return this.#verifiers.some((verify) => {
      try {
        const claims = verify(token);
        if (claims['iss'] !== issuer || claims['aud'] !== connectionId) return false;
        checkTimes(claims, this.#clock.wallSeconds());
        return true;
      } catch (error) {
        if (error instanceof TokenError || error instanceof GatewayError) return false;
        throw error;
      }
    });
  }
}
