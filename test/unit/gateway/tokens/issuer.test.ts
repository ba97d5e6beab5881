/** Tokens of an identity provider: keys by URL and by file, their rotation, and their absence. */
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { exportJWK, exportSPKI, generateKeyPair, SignJWT, type CryptoKey, type JWK } from 'jose';
import type { IssuerSettings } from '../../../../gateway/config.ts';
import { defaultJwksTiming, type JwksTiming } from '../../../../gateway/tokens/issuer.ts';
import type { TokenVerifier } from '../../../../gateway/tokens/verify.ts';
import { clock, forge, nowSeconds, verifierWith } from './token-fixtures.ts';

const issuer = 'https://idp.test';
const audience = 'trunkline';

interface Key {
  readonly kid: string;
  readonly alg: 'RS256' | 'ES256';
  readonly private: CryptoKey;
  readonly public: CryptoKey;
  readonly jwk: JWK;
}

async function makeKey(kid: string, alg: Key['alg']): Promise<Key> {
  const pair = await generateKeyPair(alg, { extractable: true });
  const jwk = { ...(await exportJWK(pair.publicKey)), kid, alg, use: 'sig' };
  return { kid, alg, private: pair.privateKey, public: pair.publicKey, jwk };
}

const goodClaims = { iss: issuer, aud: audience, sub: 'ann', exp: nowSeconds + 60 };

function sign(key: Key, claims: Record<string, unknown> = goodClaims): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ alg: key.alg, kid: key.kid }).sign(key.private);
}

const verify = async (verifier: TokenVerifier, token: string) =>
  verifier.verifyClient(token, 'chat');

describe('TokenVerifier with issuers', () => {
  let rsa: Key;
  let ec: Key;
  let rotated: Key;
  let keys: Key[];
  let server: Server;
  let requests = 0;
  let status = 200;
  const folder = mkdtempSync(join(tmpdir(), 'trunkline-jwks-'));

  before(async () => {
    [rsa, ec, rotated] = await Promise.all([
      makeKey('k1', 'RS256'),
      makeKey('k2', 'ES256'),
      makeKey('k3', 'ES256'),
    ]);
    keys = [rsa, ec];
    server = createServer((_, response) => {
      requests += 1;
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ keys: keys.map(({ jwk }) => jwk) }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });

  after(async () => {
    rmSync(folder, { recursive: true });
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  const jwksUrl = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`;

  function withIssuer(settings: Partial<IssuerSettings> = {}, timing: Partial<JwksTiming> = {}) {
    return verifierWith({
      issuers: [
        {
          issuer,
          audience,
          jwks: jwksUrl(),
          algorithms: ['RS256', 'ES256'],
          rolesClaim: 'roles',
          groupsClaim: 'groups',
          ...settings,
        },
      ],
      jwksTiming: { ...defaultJwksTiming, ...timing },
    });
  }

  test('keys by URL: RS256 and ES256 are good, and one fetch serves them', async () => {
    const verifier = withIssuer();
    requests = 0;
    for (const key of [rsa, ec]) {
      const token = await sign(key, { ...goodClaims, roles: ['r'], groups: 'g' });
      assert.deepEqual(await verify(verifier, token), {
        userId: 'ann',
        roles: ['r'],
        groups: ['g'],
        expiresAt: nowSeconds + 60,
      });
    }
    assert.equal(requests, 1);
  });

  test('keys by file: good', async () => {
    const file = join(folder, 'jwks.json');
    writeFileSync(file, JSON.stringify({ keys: [ec.jwk] }));
    const identity = await verify(withIssuer({ jwks: file }), await sign(ec));
    assert.equal(identity.userId, 'ann');
  });

  test('keys by file: a missing or wrong file stops the start and is named', () => {
    const file = join(folder, 'wrong.json');
    assert.throws(() => withIssuer({ jwks: file }), {
      code: 'bad-setting',
      message: /wrong\.json/,
    });
    writeFileSync(file, '{"keys":"none"}');
    assert.throws(() => withIssuer({ jwks: file }), {
      code: 'bad-setting',
      message: /wrong\.json/,
    });
  });

  const refusals: readonly (readonly [string, Record<string, unknown>, RegExp])[] = [
    ['another audience', { aud: 'other' }, /"aud" must be "trunkline"/],
    ['an expiry beyond the skew', { exp: nowSeconds - 301 }, /expired/],
    ['no exp', { exp: undefined }, /"exp"/],
    ['no sub', { sub: undefined }, /"sub"/],
    ['nbf in the future', { nbf: nowSeconds + 301 }, /"nbf"/],
    ['iat in the future', { iat: nowSeconds + 301 }, /"iat"/],
    ['roles of a wrong type', { roles: [1] }, /"roles" must be/],
    ['another issuer', { iss: 'https://idp.test/' }, /no configured issuer/],
    ['an issuer that is no text', { iss: [issuer] }, /no configured issuer/],
  ];
  for (const [name, claims, expected] of refusals) {
    test(`${name}: refused, and the message says why`, async () => {
      const token = await sign(ec, { ...goodClaims, ...claims });
      await assert.rejects(verify(withIssuer(), token), { code: 'bad-token', message: expected });
    });
  }

  test('clock skew: five minutes', async () => {
    assert.ok(await verify(withIssuer(), await sign(ec, { ...goodClaims, exp: nowSeconds - 299 })));
  });

  test('an algorithm that the entry does not have: refused', async () => {
    const verifier = withIssuer({ algorithms: ['RS256'] });
    await assert.rejects(verify(verifier, await sign(ec)), { code: 'bad-token' });
  });

  test('the public key as HMAC secret: refused, under either algorithm name', async () => {
    const key = await exportSPKI(rsa.public);
    for (const alg of ['HS256', 'RS256']) {
      const token = forge({ alg, kid: 'k1' }, goodClaims, { key });
      await assert.rejects(verify(withIssuer(), token), {
        code: 'bad-token',
        message: /signature/,
      });
    }
  });

  test('keys and addresses in the token: ignored', async () => {
    const token = await new SignJWT(goodClaims)
      .setProtectedHeader({ alg: 'ES256', kid: 'k2', jwk: rotated.jwk, jku: 'http://127.0.0.1:1/' })
      .sign(rotated.private);
    await assert.rejects(verify(withIssuer(), token), { code: 'bad-token', message: /signature/ });
  });

  test('the key of one issuer: not good for another', async () => {
    const other = join(folder, 'other.json');
    writeFileSync(other, JSON.stringify({ keys: [{ ...rotated.jwk, kid: 'k2' }] }));
    const verifier = withIssuer({ jwks: other });
    await assert.rejects(verify(verifier, await sign(ec)), {
      code: 'bad-token',
      message: /signature/,
    });
  });

  test('an unknown kid: refused, and not a fetch for each', async () => {
    const verifier = withIssuer();
    const token = await sign({ ...ec, kid: 'unknown' });
    requests = 0;
    for (let i = 0; i < 3; i++) {
      await assert.rejects(verify(verifier, token), { code: 'bad-token', message: /"kid"/ });
    }
    assert.equal(requests, 1);
  });

  test('key rotation: a new kid is fetched once the cooldown is over', async () => {
    const verifier = withIssuer({}, { cooldownMs: 0 });
    assert.ok(await verify(verifier, await sign(ec)));
    keys = [rotated];
    try {
      assert.ok(await verify(verifier, await sign(rotated)));
    } finally {
      keys = [rsa, ec];
    }
  });

  test('a provider that answers 500: said so, 503, and not asked again for each token', async () => {
    const verifier = withIssuer();
    const token = await sign(ec);
    requests = 0;
    status = 500;
    try {
      for (const expected of [/it answered 500/, /a moment ago/, /a moment ago/]) {
        await assert.rejects(verify(verifier, token), {
          code: 'issuer-unavailable',
          status: 503,
          message: expected,
        });
      }
    } finally {
      status = 200;
    }
    assert.equal(requests, 1);
  });

  test('a provider that is back: asked again after the failure cooldown', async () => {
    let nowMs = 0;
    const verifier = verifierWith({
      clock: { ...clock, monotonicMs: () => nowMs },
      issuers: [
        {
          issuer,
          audience,
          jwks: jwksUrl(),
          algorithms: ['ES256'],
          rolesClaim: 'r',
          groupsClaim: 'g',
        },
      ],
    });
    const token = await sign(ec);
    status = 503;
    await assert.rejects(verify(verifier, token), { code: 'issuer-unavailable' });
    status = 200;
    nowMs = defaultJwksTiming.failureCooldownMs;
    assert.ok(await verify(verifier, token));
  });

  test('a provider that is down: a clear error', async () => {
    const closed = createServer();
    await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
    const { port } = closed.address() as AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    const verifier = withIssuer({ jwks: `http://127.0.0.1:${port}/jwks` });
    await assert.rejects(verify(verifier, await sign(ec)), {
      code: 'issuer-unavailable',
      message: /could not be fetched from http:\/\/127\.0\.0\.1.*ECONNREFUSED/,
    });
  });

  test('a redirect: not followed', async () => {
    const redirecting = createServer((_, response) => {
      response.writeHead(302, { location: jwksUrl() }).end();
    });
    await new Promise<void>((resolve) => redirecting.listen(0, '127.0.0.1', resolve));
    const { port } = redirecting.address() as AddressInfo;
    try {
      const verifier = withIssuer({ jwks: `http://127.0.0.1:${port}/jwks` });
      await assert.rejects(verify(verifier, await sign(ec)), { message: /it answered 302/ });
    } finally {
      redirecting.closeAllConnections();
      await new Promise((resolve) => redirecting.close(resolve));
    }
  });

  test('a provider that does not answer: given up after the timeout', async () => {
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as AddressInfo;
    try {
      const verifier = withIssuer({ jwks: `http://127.0.0.1:${port}/jwks` }, { timeoutMs: 50 });
      await assert.rejects(verify(verifier, await sign(ec)), { message: /timed? ?out/i });
    } finally {
      silent.closeAllConnections();
      await new Promise((resolve) => silent.close(resolve));
    }
  });
});
