/** Decides which tokens are good, and whom they speak for. */
import { createDecoder, createVerifier, TokenError } from 'fast-jwt';
import type { Clock } from '../clock.ts';
import type { IssuerSettings } from '../config.ts';
import { GatewayError } from '../errors.ts';
import { isClientAudience, isServerAudience } from './audience.ts';
import { audiencesOf, badToken, checkTimes, quote, stringOf, stringsOf } from './claims.ts';
import type { Claims } from './claims.ts';
import { defaultJwksTiming, Issuer, type JwksTiming } from './issuer.ts';

/** What a client's token says of the client. */
export interface ClientIdentity {
  /** undefined: an anonymous client. */
  readonly userId: string | undefined;
  readonly roles: readonly string[];
  /** Groups to be a member of from the start. */
  readonly groups: readonly string[];
  /** Seconds since 1970. A token is good for up to five minutes longer (clock skew). */
  readonly expiresAt: number;
}

export interface TokenVerifierOptions {
  /** One or two keys; a token signed with either is good. */
  readonly accessKeys: readonly string[];
  readonly issuers: readonly IssuerSettings[];
  /** The public endpoints now: http(s) URLs, with a base path where there is one. */
  readonly endpoints: () => readonly string[];
  readonly clock: Pick<Clock, 'wallSeconds' | 'monotonicMs'>;
  readonly jwksTiming?: JwksTiming;
}

/** Longest token in characters; longer ones are refused before anything of them is decoded. */
const tokenLengthMax = 20 * 1024;

const issuerAlgorithms: ReadonlySet<unknown> = new Set(['RS256', 'ES256']);

const decodeUnverified = createDecoder({ complete: true });

/** Has the verified claims of one access key, or throws the library's TokenError. */
type Hs256 = (token: string) => Claims;

export class TokenVerifier {
  readonly #hs256: readonly Hs256[];
  readonly #issuers: ReadonlyMap<string, Issuer>;
  readonly #endpoints: () => readonly string[];
  readonly #clock: Pick<Clock, 'wallSeconds'>;

  /** @throws GatewayError with code `bad-setting`: an access key or an issuer's keys are no good. */
  constructor(options: TokenVerifierOptions) {
    this.#hs256 = options.accessKeys.map(hs256Of);
    this.#endpoints = options.endpoints;
    this.#clock = options.clock;
    const timing = options.jwksTiming ?? defaultJwksTiming;
    this.#issuers = new Map(
      options.issuers.map((settings) => [
        settings.issuer,
        new Issuer(settings, options.clock, timing),
      ]),
    );
  }

  /**
   * Who may connect to the hub with this token. Synchronous, throws included, for tokens signed
   * with an access key; a promise for tokens of an issuer.
   * @throws GatewayError with code `bad-token`, or `issuer-unavailable`. No message has the token.
   */
  verifyClient(token: string, hub: string): ClientIdentity | Promise<ClientIdentity> {
    const claims = this.#verifyHs256(token);
    if (claims === undefined) return this.#verifyIssued(token);
    const audiences = audiencesOf(claims);
    const endpoints = this.#endpoints();
    if (!isClientAudience(audiences, endpoints, hub)) {
      const wanted = endpoints.map((endpoint) => quote(`${endpoint}/client/hubs/${hub}`));
      throw wrongAudience(audiences, wanted.join(' or '));
    }
    return {
      userId: stringOf(claims, 'sub'),
      roles: stringsOf(claims, 'role'),
      groups: stringsOf(claims, 'webpubsub.group'),
      expiresAt: checkTimes(claims, this.#clock.wallSeconds()),
    };
  }

  /**
   * Returns when the token permits the REST request. Only tokens signed with an access key do:
   * an issuer speaks for users, and the REST API may do anything to anyone.
   * @param rawPathAndQuery as received, still percent-encoded.
   * @throws GatewayError with code `bad-token`. No message has the token.
   */
  verifyServer(token: string, rawPathAndQuery: string): void {
    const claims = this.#verifyHs256(token);
    if (claims === undefined) {
      throw badToken('The REST API takes tokens signed with an access key (HS256) only.');
    }
    const audiences = audiencesOf(claims);
    const endpoints = this.#endpoints();
    if (!isServerAudience(audiences, endpoints, rawPathAndQuery)) {
      const wanted = endpoints.map((endpoint) => quote(endpoint + rawPathAndQuery));
      throw wrongAudience(audiences, wanted.join(' or '));
    }
    checkTimes(claims, this.#clock.wallSeconds());
  }

  /** Claims signed by an access key; undefined when the token is not HS256. */
  #verifyHs256(token: string): Claims | undefined {
    if (token.length > tokenLengthMax) {
      throw badToken(
        `The token has ${token.length} characters, more than the ${tokenLengthMax} accepted; ` +
          'put fewer roles and groups into it.',
      );
    }
    for (const verify of this.#hs256) {
      try {
        return verify(token);
      } catch (error) {
        if (!(error instanceof TokenError)) throw error;
        if (error.code === TokenError.codes.invalidAlgorithm) return undefined;
        // Another key may have made this signature; nothing else gets a second chance.
        if (error.code !== TokenError.codes.invalidSignature) {
          throw badToken(`The token is not acceptable: ${error.message}`);
        }
      }
    }
    throw badToken(
      "The token's signature was made with none of this gateway's access keys; compare the key " +
        'in the connection string with TRUNKLINE_ACCESS_KEY.',
    );
  }

  async #verifyIssued(token: string): Promise<ClientIdentity> {
    // Nothing of this is trusted: it only says which entry must vouch for the token.
    const { header, payload } = decodeUnverified(token) as { header: Claims; payload: Claims };
    const algorithm = header['alg'];
    if (!issuerAlgorithms.has(algorithm)) {
      throw badToken(
        `The token's "alg" is ${quote(String(algorithm))}; use HS256 with an access key, or RS256 ` +
          'or ES256 with a configured issuer.',
      );
    }
    const name = payload['iss'];
    const issuer = typeof name === 'string' ? this.#issuers.get(name) : undefined;
    if (issuer === undefined) {
      throw badToken(
        `The token's "iss" is ${quote(String(name))}, which is no configured issuer; add it to ` +
          'the issuers of the configuration, or sign with an access key.',
      );
    }
    const claims = await issuer.verify(token);
    return {
      userId: stringOf(claims, 'sub'),
      roles: stringsOf(claims, issuer.settings.rolesClaim),
      groups: stringsOf(claims, issuer.settings.groupsClaim),
      expiresAt: checkTimes(claims, this.#clock.wallSeconds()),
    };
  }
}

/** Times and audience are checked by us, with our clock and better messages. */
function hs256Of(accessKey: string): Hs256 {
  // With the algorithm fixed, the library takes any text as the secret, a public key as well.
  if (accessKey === '' || /-----BEGIN [A-Z0-9 ]+-----/.test(accessKey)) {
    throw new GatewayError(
      'bad-setting',
      'An access key must be a secret text, neither empty nor a key or certificate in PEM form.',
    );
  }
  return createVerifier({
    key: Buffer.from(accessKey),
    algorithms: ['HS256'],
    ignoreExpiration: true,
    ignoreNotBefore: true,
    cache: false,
  });
}

function wrongAudience(audiences: readonly string[], wanted: string) {
  return badToken(
    `The token's "aud" is ${quote(audiences.join(', '))}, but it must be ${wanted}; use the ` +
      "gateway's own URL in the connection string, or set TRUNKLINE_PUBLIC_ENDPOINTS.",
  );
}
