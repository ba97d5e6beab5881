/** What the token tests share: keys, a clock that stands still, hand-made tokens. */
import { createHmac } from 'node:crypto';
import { TokenVerifier, type TokenVerifierOptions } from '../../../../gateway/tokens/verify.ts';

export const accessKey = 'primary-key-of-the-token-tests-0123456789';
export const secondaryKey = 'secondary-key-of-the-token-tests-01234567';
export const endpoint = 'http://gateway.test:8080';
export const nowSeconds = 1_800_000_000;
export const clock = { wallSeconds: () => nowSeconds, monotonicMs: () => 0 };

export function verifierWith(options: Partial<TokenVerifierOptions> = {}): TokenVerifier {
  return new TokenVerifier({
    accessKeys: [accessKey, secondaryKey],
    issuers: [],
    endpoints: () => [endpoint],
    clock,
    ...options,
  });
}

/** A good client token's claims for hub `chat`, to be spoiled by a test. */
export const goodClaims = {
  aud: `${endpoint}/client/hubs/chat`,
  iat: nowSeconds,
  exp: nowSeconds + 3600,
  sub: 'ann',
};

export function base64url(text: string): string {
  return Buffer.from(text).toString('base64url');
}

/** Signs any header and payload, given as JSON text or as values, with HMAC. */
export function forge(
  header: unknown,
  payload: unknown,
  { key = accessKey, hash = 'sha256' }: { key?: string; hash?: string } = {},
): string {
  const input = [header, payload]
    .map((part) => base64url(typeof part === 'string' ? part : JSON.stringify(part)))
    .join('.');
  return `${input}.${createHmac(hash, key).update(input).digest('base64url')}`;
}

export const hs256 = { alg: 'HS256', typ: 'JWT' };
