/** Tokens that we make are those that the Azure SDKs make. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { clientUrl, signClientToken, signServerToken } from '../../../../gateway/tokens/sign.ts';
import { accessKey, clock, endpoint, nowSeconds, verifierWith } from './token-fixtures.ts';

function decode(token: string): unknown[] {
  return token
    .split('.')
    .slice(0, 2)
    .map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()) as unknown);
}

describe('sign', () => {
  test('client token: header and claims are exactly those of the Azure SDK', () => {
    const token = signClientToken({
      accessKey,
      endpoint: `${endpoint}/`,
      hub: 'chat',
      userId: 'ann',
      roles: ['webpubsub.sendToGroup'],
      groups: ['g1', 'g2'],
      minutesToExpire: 5,
      nowSeconds: nowSeconds + 0.9,
    });
    assert.deepEqual(decode(token), [
      { alg: 'HS256', typ: 'JWT' },
      {
        aud: `${endpoint}/client/hubs/chat`,
        iat: nowSeconds,
        exp: nowSeconds + 300,
        sub: 'ann',
        role: ['webpubsub.sendToGroup'],
        'webpubsub.group': ['g1', 'g2'],
      },
    ]);
  });

  test('client token: what is not given is not claimed, and an hour is the default', () => {
    const token = signClientToken({ accessKey, endpoint, hub: 'chat', userId: '', nowSeconds });
    assert.deepEqual(decode(token)[1], {
      aud: `${endpoint}/client/hubs/chat`,
      iat: nowSeconds,
      exp: nowSeconds + 3600,
    });
  });

  test('client token: a ws endpoint becomes an http audience', () => {
    const token = signClientToken({ accessKey, endpoint: 'wss://a.test/base', hub: 'h' });
    assert.equal((decode(token)[1] as { aud: string }).aud, 'https://a.test/base/client/hubs/h');
  });

  test('server token: only aud, iat and exp', () => {
    const url = `${endpoint}/api/hubs/chat/:send?api-version=2024-12-01&filter=a%20b`;
    assert.deepEqual(decode(signServerToken({ accessKey, url, nowSeconds }))[1], {
      aud: url,
      iat: nowSeconds,
      exp: nowSeconds + 3600,
    });
  });

  test('server token: the time of issue is now when none is given', () => {
    const before = Math.floor(Date.now() / 1000);
    const { iat } = decode(signServerToken({ accessKey, url: endpoint }))[1] as { iat: number };
    assert.ok(iat >= before && iat <= Date.now() / 1000);
  });

  test('client URL: ws for http, wss for https, base path kept', () => {
    assert.equal(
      clientUrl(endpoint, 'chat', 't'),
      'ws://gateway.test:8080/client/hubs/chat?access_token=t',
    );
    assert.equal(
      clientUrl('https://a.test/b/', 'h', 't'),
      'wss://a.test/b/client/hubs/h?access_token=t',
    );
  });

  test('client token: our own verifier reads back what was signed, without a promise', () => {
    const token = signClientToken({
      accessKey,
      endpoint,
      hub: 'chat',
      userId: 'ann é/',
      roles: ['r'],
      groups: ['g'],
      nowSeconds,
    });
    assert.deepEqual(verifierWith({ clock }).verifyClient(token, 'chat'), {
      userId: 'ann é/',
      roles: ['r'],
      groups: ['g'],
      expiresAt: nowSeconds + 3600,
    });
  });
});
