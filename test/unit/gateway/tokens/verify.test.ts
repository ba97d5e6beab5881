/** A corpus of attacks and mistakes against tokens signed with an access key. */
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { GatewayError } from '../../../../gateway/errors.ts';
import { signServerToken } from '../../../../gateway/tokens/sign.ts';
import {
  accessKey,
  base64url,
  endpoint,
  forge,
  goodClaims,
  hs256,
  nowSeconds,
  secondaryKey,
  verifierWith,
} from './token-fixtures.ts';

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const rsaPem = rsa.publicKey.export({ type: 'spki', format: 'pem' }).toString();

async function refusedAs(
  token: string,
  expected: RegExp,
  verifier = verifierWith(),
): Promise<void> {
  await assert.rejects(
    async () => verifier.verifyClient(token, 'chat'),
    (error: unknown) => {
      assert.ok(error instanceof GatewayError);
      assert.equal(error.code, 'bad-token');
      assert.match(error.message, expected);
      assert.ok(token.length < 8 || !error.message.includes(token), 'the message has the token');
      return true;
    },
  );
}

const without = (name: keyof typeof goodClaims) => ({ ...goodClaims, [name]: undefined });

const attacks: readonly (readonly [string, string, RegExp])[] = [
  ['a wrong key', forge(hs256, goodClaims, { key: 'x'.repeat(32) }), /none of this gateway's/],
  [
    'alg none without a signature',
    `${base64url('{"alg":"none"}')}.${base64url(JSON.stringify(goodClaims))}.`,
    /signature/,
  ],
  ['alg none with a signature', forge({ alg: 'none' }, goodClaims), /"alg" is "none"/],
  ['alg NONE', forge({ alg: 'NONE' }, goodClaims), /"alg" is "NONE"/],
  ['an empty signature', forge(hs256, goodClaims).replace(/[^.]+$/, ''), /signature is missing/],
  ['alg HS512', forge({ alg: 'HS512' }, goodClaims, { hash: 'sha512' }), /"alg" is "HS512"/],
  ['alg HS384', forge({ alg: 'HS384' }, goodClaims, { hash: 'sha384' }), /"alg" is "HS384"/],
  ['alg in an array', forge({ alg: ['HS256'] }, goodClaims), /"alg"/],
  ['no alg', forge({ typ: 'JWT' }, goodClaims), /"alg"/],
  ['a public key as HMAC secret', forge(hs256, goodClaims, { key: rsaPem }), /none of this/],
  [
    'duplicate alg, none last',
    forge('{"alg":"HS256","alg":"none"}', goodClaims),
    /"alg" is "none"/,
  ],
  [
    'an unknown critical extension',
    forge({ ...hs256, crit: ['b64'], b64: false }, goodClaims),
    /crit/i,
  ],
  [
    'an expiry beyond the skew',
    forge(hs256, { ...goodClaims, exp: nowSeconds - 301 }),
    /expired 301 s/,
  ],
  ['no exp', forge(hs256, without('exp')), /no "exp"/],
  ['exp as text', forge(hs256, { ...goodClaims, exp: '1900000000' }), /"exp" must be a number/],
  ['exp null', forge(hs256, { ...goodClaims, exp: null }), /"exp" must be a number.*null/],
  [
    'exp beyond numbers',
    forge(hs256, JSON.stringify(goodClaims).replace(/"exp":\d+/, '"exp":1e999')),
    /"exp"/,
  ],
  [
    'nbf in the future',
    forge(hs256, { ...goodClaims, nbf: nowSeconds + 301 }),
    /"nbf" is 301 s ahead/,
  ],
  [
    'iat in the future',
    forge(hs256, { ...goodClaims, iat: nowSeconds + 900 }),
    /"iat" is 900 s ahead/,
  ],
  ['no aud', forge(hs256, without('aud')), /no "aud"/],
  ['an empty aud', forge(hs256, { ...goodClaims, aud: [] }), /no "aud"/],
  [
    'aud of another hub',
    forge(hs256, { ...goodClaims, aud: `${endpoint}/client/hubs/other` }),
    /"aud"/,
  ],
  [
    'aud of a longer hub',
    forge(hs256, { ...goodClaims, aud: `${endpoint}/client/hubs/chatx` }),
    /"aud"/,
  ],
  [
    'aud of another host',
    forge(hs256, { ...goodClaims, aud: 'http://evil.test/client/hubs/chat' }),
    /"aud"/,
  ],
  [
    'aud with our host as user',
    forge(hs256, { ...goodClaims, aud: `${endpoint}@evil.test/client/hubs/chat` }),
    /"aud"/,
  ],
  [
    'aud of another port',
    forge(hs256, { ...goodClaims, aud: 'http://gateway.test/client/hubs/chat' }),
    /"aud"/,
  ],
  [
    'aud of https',
    forge(hs256, { ...goodClaims, aud: 'https://gateway.test:8080/client/hubs/chat' }),
    /"aud"/,
  ],
  [
    'aud with a bad escape',
    forge(hs256, { ...goodClaims, aud: `${endpoint}/client/hubs/%zz` }),
    /"aud"/,
  ],
  [
    'aud of the REST API',
    forge(hs256, { ...goodClaims, aud: `${endpoint}/api/hubs/chat/:send` }),
    /"aud"/,
  ],
  [
    'aud as object',
    forge(hs256, { ...goodClaims, aud: { a: 1 } }),
    /"aud" must be a string or an array/,
  ],
  [
    'sub as number',
    forge(hs256, { ...goodClaims, sub: 7 }),
    /"sub" must be a string, got a number/,
  ],
  ['sub null', forge(hs256, { ...goodClaims, sub: null }), /"sub" must be a string, got null/],
  ['sub as array', forge(hs256, { ...goodClaims, sub: ['ann'] }), /"sub" must be a string/],
  [
    'role as object',
    forge(hs256, { ...goodClaims, role: {} }),
    /"role" must be a string or an array/,
  ],
  ['role with a number', forge(hs256, { ...goodClaims, role: ['a', 1] }), /"role" must be/],
  [
    'groups nested',
    forge(hs256, { ...goodClaims, 'webpubsub.group': [['a']] }),
    /"webpubsub.group" must be/,
  ],
  ['payload an array', forge(hs256, []), /payload must be an object/],
  ['payload null', forge(hs256, 'null'), /payload must be an object/],
  ['payload no JSON', forge(hs256, '{'), /payload/],
  ['header no JSON', forge('{', goodClaims), /header/],
  ['empty text', '', /malformed/],
  ['garbage', 'garbage', /malformed/],
  ['dots', '..', /not acceptable/],
  ['four parts', `${forge(hs256, goodClaims)}.x`, /not acceptable/],
  ['a line break inside', forge(hs256, goodClaims).replace('.', '.\n'), /not acceptable/],
  ['a huge token', forge(hs256, { ...goodClaims, pad: 'x'.repeat(20_000) }), /more than the 20480/],
];

describe('TokenVerifier.verifyClient: attacks', () => {
  for (const [name, token, expected] of attacks) {
    test(`${name}: refused, and the message says why`, () => refusedAs(token, expected));
  }

  test('an issuer that is not configured: refused by name', () =>
    refusedAs(
      forge({ alg: 'RS256' }, { ...goodClaims, iss: 'https://idp' }),
      /"iss" is "https:\/\/idp"/,
    ));

  test('any text: never anything but bad-token', () =>
    fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.string(),
          fc.tuple(fc.json(), fc.json()).map(([header, payload]) => forge(header, payload)),
          fc.json().map((payload) => forge(hs256, payload)),
          fc
            .dictionary(fc.constantFrom('aud', 'exp', 'sub', 'role', 'nbf'), fc.jsonValue())
            .map((claims) => forge(hs256, { ...goodClaims, ...claims, exp: 'never good' })),
        ),
        (token) => refusedAs(token, /./),
      ),
      { numRuns: 300 },
    ));
});

const verify = (claims: unknown, options: Parameters<typeof verifierWith>[0] = {}) =>
  verifierWith(options).verifyClient(forge(hs256, claims), 'chat');

describe('TokenVerifier: access keys', () => {
  for (const [name, key] of [
    ['empty', ''],
    ['a public key', rsaPem],
    ['a public key after a space', ` ${rsaPem}`],
  ] as const) {
    test(`${name}: refused at the start, without showing it`, () => {
      assert.throws(
        () => verifierWith({ accessKeys: [accessKey, key] }),
        (error: unknown) => {
          assert.ok(error instanceof GatewayError && error.code === 'bad-setting');
          return key === '' || !error.message.includes(key);
        },
      );
    });
  }
});

describe('TokenVerifier.verifyClient: what is good', () => {
  test('secondary key: good', () => {
    const token = forge(hs256, goodClaims, { key: secondaryKey });
    assert.deepEqual(verifierWith().verifyClient(token, 'chat'), {
      userId: 'ann',
      roles: [],
      groups: [],
      expiresAt: goodClaims.exp,
    });
  });

  test('key: its UTF-8 bytes, also beyond ASCII', () => {
    const key = 'schlüssel-schlüssel-schlüssel-schlüssel';
    const token = forge(hs256, goodClaims, { key });
    assert.ok(verifierWith({ accessKeys: [key] }).verifyClient(token, 'chat'));
  });

  test('clock skew: five minutes for exp, nbf and iat', () => {
    assert.ok(verify({ ...goodClaims, exp: nowSeconds - 299 }));
    assert.ok(verify({ ...goodClaims, nbf: nowSeconds + 299, iat: nowSeconds + 299 }));
  });

  test('roles and groups: one string is a list of one', () => {
    assert.deepEqual(verify({ ...goodClaims, role: 'r', 'webpubsub.group': 'g' }), {
      userId: 'ann',
      roles: ['r'],
      groups: ['g'],
      expiresAt: goodClaims.exp,
    });
  });

  test('prototype names as claims: no effect', () => {
    const claims = JSON.stringify(goodClaims).replace(
      '"sub":"ann"',
      '"__proto__":{"sub":"root","role":["r"]},"constructor":1',
    );
    assert.deepEqual(verify(claims), {
      userId: undefined,
      roles: [],
      groups: [],
      expiresAt: goodClaims.exp,
    });
  });

  test('duplicate claims: the last one counts, as in every JSON reader of ours', () => {
    const claims = JSON.stringify(goodClaims).replace('"sub":"ann"', '"sub":"root","sub":"ann"');
    const identity = verify(claims);
    assert.ok(!(identity instanceof Promise));
    assert.equal(identity.userId, 'ann');
  });

  const audiences: readonly (readonly [string, unknown, string])[] = [
    ['an array', ['http://other.test', goodClaims.aud], endpoint],
    ['a hub in capitals', `${endpoint}/client/hubs/CHAT`, endpoint],
    ['a trailing slash', `${endpoint}/client/hubs/chat/`, endpoint],
    ['a host in capitals', 'HTTP://Gateway.Test:8080/client/hubs/chat', endpoint],
    ['ws for http', 'ws://gateway.test:8080/client/hubs/chat', endpoint],
    ['wss for https', 'wss://a.test/client/hubs/chat', 'https://a.test'],
    ['a default port', 'https://a.test:443/client/hubs/chat', 'https://a.test/'],
    ['a base path', 'https://a.test/base/client/hubs/chat', 'https://a.test/base'],
    ['a hub percent-encoded', `${endpoint}/client/hubs/%63hat`, endpoint],
  ];
  for (const [name, aud, publicEndpoint] of audiences) {
    test(`audience: ${name} is good`, () => {
      assert.ok(
        verify({ ...goodClaims, aud }, { endpoints: () => ['http://no.test', publicEndpoint] }),
      );
    });
  }

  test('audience: without the base path of the endpoint it is refused', () =>
    refusedAs(
      forge(hs256, { ...goodClaims, aud: 'https://a.test/client/hubs/chat' }),
      /"https:\/\/a.test\/base\/client\/hubs\/chat"/,
      verifierWith({ endpoints: () => ['https://a.test/base'] }),
    ));
});

describe('TokenVerifier.verifyServer', () => {
  const path = '/api/hubs/chat/users/u%2F1%20%C3%A9/:send';
  const query = "?api-version=2024-12-01&filter=userId%20eq%20'a'";

  function verifyRequest(aud: string, asked = path + query, publicEndpoint = endpoint): void {
    const token = signServerToken({ accessKey, url: aud, nowSeconds });
    verifierWith({ endpoints: () => [publicEndpoint] }).verifyServer(token, asked);
  }

  test('audience: the URL as sent, and the URL without its query, are good', () => {
    verifyRequest(endpoint + path + query);
    verifyRequest(endpoint + path);
    verifyRequest(`${endpoint + path}/`);
  });

  test('audience: other ways to percent-encode the same URL are good', () => {
    verifyRequest(endpoint + path.replace('%20', '%20').replace(':send', '%3Asend') + query);
    verifyRequest(`${endpoint}${path}?api-version=2024-12-01&filter=userId+eq+%27a%27`);
  });

  test('audience: a base path counts whether the proxy keeps it or takes it off', () => {
    verifyRequest(`https://a.test/base${path}`, path + query, 'https://a.test/base');
    verifyRequest(`https://a.test/base${path}`, `/base${path}${query}`, 'https://a.test/base');
  });

  const refused: readonly (readonly [string, string])[] = [
    ['another path', `${endpoint}/api/hubs/chat/:send`],
    ['another hub', `${endpoint}${path.replace('chat', 'other')}`],
    ['another query', `${endpoint}${path}?api-version=2024-12-01`],
    ['a slash that was encoded', `${endpoint}${path.replace('%2F', '/')}`],
    ['another host', `http://evil.test${path}`],
    ['a client endpoint', `${endpoint}/client/hubs/chat`],
    ['the origin alone', endpoint],
    ['dots that resolve to the path', `${endpoint}/api/x/..${path.slice(4)}`],
  ];
  for (const [name, aud] of refused) {
    test(`audience: ${name} is refused`, () => {
      assert.throws(() => verifyRequest(aud), {
        code: 'bad-token',
        message: /"aud" is .* but it must be/,
      });
    });
  }

  test('expiry: refused beyond the skew', () => {
    const token = signServerToken({
      accessKey,
      url: endpoint + path,
      nowSeconds: nowSeconds - 4000,
    });
    assert.throws(() => verifierWith().verifyServer(token, path), { message: /expired 400 s ago/ });
  });

  test('tokens of an issuer: not for the REST API', () => {
    const token = forge({ alg: 'RS256' }, { iss: 'https://idp', aud: endpoint + path });
    assert.throws(() => verifierWith().verifyServer(token, path), {
      code: 'bad-token',
      message: /access key \(HS256\) only/,
    });
  });
});
