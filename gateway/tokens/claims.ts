/** Reads the claims of a token whose signature is already verified; refuses what is malformed. */
import { GatewayError } from '../errors.ts';

/** Claims as JSON.parse made them: nothing is known of their types yet. */
export type Claims = Readonly<Record<string, unknown>>;

/** How far the clock of whoever issued a token may be off, in either direction. */
export const clockSkewSeconds = 300;

/** The error of every refused token. `message` says what is wrong and what to do about it. */
export function badToken(message: string, options?: ErrorOptions): GatewayError {
  return new GatewayError('bad-token', message, options);
}

/**
 * Checks `exp` (which must be there), `nbf` and `iat`.
 * @returns `exp`: seconds since 1970.
 * @throws GatewayError with code `bad-token`.
 */
export function checkTimes(claims: Claims, nowSeconds: number): number {
  const expiresAt = secondsOf(claims, 'exp');
  if (expiresAt === undefined) {
    throw badToken('The token has no "exp" claim; sign tokens with an expiry.');
  }
  if (expiresAt + clockSkewSeconds <= nowSeconds) {
    const ago = Math.round(nowSeconds - expiresAt);
    throw badToken(`The token expired ${ago} s ago ("exp" is ${expiresAt}); get a new one.`);
  }
  for (const name of ['nbf', 'iat']) {
    const from = secondsOf(claims, name);
    if (from === undefined || from - clockSkewSeconds <= nowSeconds) continue;
    const ahead = Math.round(from - nowSeconds);
    throw badToken(
      `The token's "${name}" is ${ahead} s ahead of this gateway's clock, more than the ` +
        `${clockSkewSeconds} s allowed; compare the clocks of the issuer and of the gateway.`,
    );
  }
  return expiresAt;
}

/** The audiences of a token. @throws GatewayError with code `bad-token`. */
export function audiencesOf(claims: Claims): readonly string[] {
  const audiences = stringsOf(claims, 'aud');
  if (audiences.length > 0) return audiences;
  throw badToken('The token has no "aud" claim; sign tokens with the URL that they are meant for.');
}

/**
 * A claim that is a string or an array of strings; empty when it is absent.
 * @throws GatewayError with code `bad-token`.
 */
export function stringsOf(claims: Claims, name: string): readonly string[] {
  const value = claimOf(claims, name);
  if (value === undefined) return [];
  if (typeof value === 'string') return [value];
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value;
  throw badToken(
    `The token's claim ${quote(name)} must be a string or an array of strings, got ${kind(value)}.`,
  );
}

/** A claim that is a string. @throws GatewayError with code `bad-token`. */
export function stringOf(claims: Claims, name: string): string | undefined {
  const value = claimOf(claims, name);
  if (value === undefined || typeof value === 'string') return value;
  throw badToken(`The token's claim ${quote(name)} must be a string, got ${kind(value)}.`);
}

/** Text of the sender, shortened and quoted for a message. */
export function quote(text: string): string {
  const lengthMax = 200;
  return JSON.stringify(text.length > lengthMax ? `${text.slice(0, lengthMax)}…` : text);
}

function secondsOf(claims: Claims, name: string): number | undefined {
  const value = claimOf(claims, name);
  if (value === undefined || (typeof value === 'number' && Number.isFinite(value))) return value;
  throw badToken(`The token's claim "${name}" must be a number of seconds, got ${kind(value)}.`);
}

/** Own properties only: a claim's name may come from the settings, `constructor` for instance. */
function claimOf(claims: Claims, name: string): unknown {
  return Object.hasOwn(claims, name) ? claims[name] : undefined;
}

function kind(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'an array with something else in it' : `a ${typeof value}`;
}
