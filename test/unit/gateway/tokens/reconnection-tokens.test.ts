/** Reconnection tokens: good for one connection, for seven days, under each of the access keys. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createSigner } from 'fast-jwt';
import { ReconnectionTokens } from '../../../../gateway/tokens/reconnection-tokens.ts';
import { signClientToken } from '../../../../gateway/tokens/sign.ts';

const keys = ['the first key of these tests', 'the second key of these tests'];
const start = 1_800_000_000;
const days = 24 * 3600;

function tokens(accessKeys: readonly string[] = keys, seconds = start): ReconnectionTokens {
  return new ReconnectionTokens({ accessKeys, clock: { wallSeconds: () => seconds } });
}

describe('reconnection tokens', () => {
  test('reconnection token: it is good for its own connection and no other', () => {
    const token = tokens().sign('n-1');
    assert.equal(tokens().isFor('n-1', token), true);
    assert.equal(tokens().isFor('n-2', token), false);
  });

  test('reconnection token: every access key is taken, a foreign one is not', () => {
    const [first = '', second = ''] = keys;
    assert.equal(tokens().isFor('n-1', tokens([second]).sign('n-1')), true);
    assert.equal(tokens([second, first]).isFor('n-1', tokens().sign('n-1')), true);
    assert.equal(tokens().isFor('n-1', tokens(['another key']).sign('n-1')), false);
  });

  test('reconnection token: it ends after seven days and the skew of clocks', () => {
    const token = tokens().sign('n-1');
    assert.equal(tokens(keys, start + 7 * days).isFor('n-1', token), true);
    assert.equal(tokens(keys, start + 7 * days + 301).isFor('n-1', token), false);
  });

  test('reconnection token: no other token of the access key is one', () => {
    const [accessKey = ''] = keys;
    const endpoint = 'http://gateway';
    const client = signClientToken({ accessKey, endpoint, hub: 'chat', nowSeconds: start });
    const stranger = createSigner({ key: Buffer.from(accessKey), algorithm: 'HS256' });
    const others = [client, stranger({ aud: 'n-1', iat: start, exp: start + 60 })];
    for (const token of [...others, '', 'x', 'a.b.c', 'x'.repeat(10_000)]) {
      assert.equal(tokens().isFor('n-1', token), false, token);
    }
  });

  test('reconnection token: without an access key it is good where it was made', () => {
    const node = tokens([]);
    const token = node.sign('n-1');
    assert.equal(node.isFor('n-1', token), true);
    assert.equal(tokens([]).isFor('n-1', token), false);
  });
});
