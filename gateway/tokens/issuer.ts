/**
 * Checks tokens of one identity provider of the team's own: its keys come from one fixed JWKS, which
 * nothing in a token can change.
 */
import { readFileSync } from 'node:fs';
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  customFetch,
  errors,
  jwtVerify,
  type JSONWebKeySet,
  type JWTVerifyGetKey,
} from 'jose';
import type { Clock } from '../clock.ts';
import type { IssuerSettings } from '../config.ts';
import { GatewayError } from '../errors.ts';
import { badToken, clockSkewSeconds, quote, type Claims } from './claims.ts';

/** How often and how long keys are fetched. */
export interface JwksTiming {
  /** An unknown `kid` makes the keys be fetched again, but not sooner than this after a success. */
  readonly cooldownMs: number;
  /** After a failure, tokens are refused without asking again for this long. */
  readonly failureCooldownMs: number;
  /** Keys older than this are fetched again before they are used. */
  readonly ageMsMax: number;
  readonly timeoutMs: number;
}

export const defaultJwksTiming: JwksTiming = {
  cooldownMs: 30_000,
  failureCooldownMs: 1000,
  ageMsMax: 600_000,
  timeoutMs: 3000,
};

export class Issuer {
  readonly settings: IssuerSettings;
  readonly #keys: JWTVerifyGetKey;
  readonly #clock: Pick<Clock, 'wallSeconds'>;

  /**
   * A file of keys is read at once, a URL at the first token.
   * @throws GatewayError with code `bad-setting` when the keys cannot be had like this.
   */
  constructor(
    settings: IssuerSettings,
    clock: Pick<Clock, 'wallSeconds' | 'monotonicMs'>,
    timing: JwksTiming,
  ) {
    this.settings = settings;
    this.#clock = clock;
    this.#keys = /^https?:/i.test(settings.jwks)
      ? remoteKeys(settings, clock, timing)
      : keysOfFile(settings);
  }

  /**
   * The claims of a token, when signature, algorithm, issuer and audience are right and `sub` is
   * there.
   * @throws GatewayError with code `bad-token`, or `issuer-unavailable` when the keys could not be
   *   fetched.
   */
  async verify(token: string): Promise<Claims> {
    const { issuer, audience, algorithms } = this.settings;
    try {
      const { payload } = await jwtVerify(token, this.#keys, {
        algorithms: [...algorithms],
        issuer,
        audience,
        requiredClaims: ['exp', 'sub'],
        clockTolerance: clockSkewSeconds,
        currentDate: new Date(this.#clock.wallSeconds() * 1000),
      });
      return payload;
    } catch (error) {
      throw refusal(error, this.settings);
    }
  }
}

function remoteKeys(
  { jwks, issuer }: IssuerSettings,
  clock: Pick<Clock, 'monotonicMs'>,
  timing: JwksTiming,
): JWTVerifyGetKey {
  if (!URL.canParse(jwks)) {
    throw new GatewayError(
      'bad-setting',
      `jwks of issuer ${quote(issuer)} must be an http(s) URL or a file, got ${quote(jwks)}`,
    );
  }
  let notBeforeMs = Number.NEGATIVE_INFINITY;
  return createRemoteJWKSet(new URL(jwks), {
    cooldownDuration: timing.cooldownMs,
    cacheMaxAge: timing.ageMsMax,
    timeoutDuration: timing.timeoutMs,
    // Without this, each token that comes while the provider is down would call it and wait.
    [customFetch]: async (url, options) => {
      if (clock.monotonicMs() < notBeforeMs) throw new Error('it failed a moment ago');
      try {
        const response = await fetch(url, options);
        if (response.status !== 200) throw new Error(`it answered ${response.status}, not 200`);
        return response;
      } catch (error) {
        notBeforeMs = clock.monotonicMs() + timing.failureCooldownMs;
        throw error;
      }
    },
  });
}

function keysOfFile({ jwks, issuer }: IssuerSettings): JWTVerifyGetKey {
  try {
    // createLocalJWKSet checks the shape itself.
    return createLocalJWKSet(JSON.parse(readFileSync(jwks, 'utf8')) as JSONWebKeySet);
  } catch (error) {
    throw new GatewayError(
      'bad-setting',
      `jwks of issuer ${quote(issuer)} must be an http(s) URL or a file with a JSON Web Key Set, ` +
        `got ${quote(jwks)}: ${reasonOf(error)}`,
      { cause: error },
    );
  }
}

function refusal(error: unknown, { issuer, audience, jwks }: IssuerSettings): GatewayError {
  const who = `issuer ${quote(issuer)}`;
  if (error instanceof errors.JWTExpired) {
    return badToken('The token has expired; get a new one.');
  }
  if (error instanceof errors.JWTClaimValidationFailed) {
    return error.claim === 'aud'
      ? badToken(`The token's "aud" must be ${quote(audience)}, as set for ${who}.`)
      : badToken(`The token of ${who} is not valid: ${error.message}.`);
  }
  if (error instanceof errors.JWKSNoMatchingKey) {
    return badToken(
      `No key of ${who} fits the token's "kid" and "alg"; sign with a key that ${jwks} has.`,
    );
  }
  if (error instanceof errors.JWKSMultipleMatchingKeys) {
    return badToken(`Several keys of ${who} fit the token; sign with a "kid" in the header.`);
  }
  if (error instanceof errors.JWSSignatureVerificationFailed) {
    return badToken(`The token's signature was not made with the key of ${who} that it names.`);
  }
  const isOfToken =
    error instanceof errors.JWSInvalid ||
    error instanceof errors.JWTInvalid ||
    error instanceof errors.JOSENotSupported ||
    error instanceof errors.JOSEAlgNotAllowed;
  if (isOfToken) return badToken(`The token of ${who} is not valid: ${error.message}.`);
  return new GatewayError(
    'issuer-unavailable',
    `The keys of ${who} could not be fetched from ${jwks}: ${reasonOf(error)}. Try again later.`,
    { cause: error },
  );
}

/** `fetch` says only "fetch failed"; what failed is in the cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}
