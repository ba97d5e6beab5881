/** The server SDK's parts against what they must agree with: the gateway's, and the client SDK's. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { createVerifier } from 'fast-jwt';
import fc from 'fast-check';
import {
  parsePositionText,
  positionText as gatewaysText,
} from '../../../gateway/protocol/position-text.ts';
import { signClientToken, signServerToken } from '../../../gateway/tokens/sign.ts';
import { parseConnectionString } from '../../../server-sdk/src/connection-string.ts';
import { runtime } from '../../../server-sdk/src/environment.ts';
import { createServer, type ServerOptions } from '../../../server-sdk/src/index.ts';
import { positionOf, positionText } from '../../../server-sdk/src/position.ts';
import { TokenSigner } from '../../../server-sdk/src/token.ts';
import { projectRoot } from '../../support/source-tree.ts';

const accessKey = 'schlüssel of tests, 32 bytes or more';
const endpoint = 'https://gateway.example/base';

describe('server SDK: schema', () => {
  for (const file of ['schema.ts', 'standard-schema.ts', 'validation.ts']) {
    test(`${file} is that of the client SDK: one schema types both`, () => {
      const read = (folder: string): string =>
        readFileSync(join(projectRoot(), folder, 'src', file), 'utf8');
      assert.equal(read('server-sdk'), read('client-sdk'));
    });
  }
});

describe('server SDK: positions', () => {
  const position = fc.record(
    {
      epoch: fc.stringMatching(/^[\x21-\x7e]{1,255}$/),
      offset: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
      tag: fc.nat({ max: 2 ** 32 - 1 }),
    },
    { noNullPrototype: true },
  );

  test('every one reads and writes as the gateway does it', () => {
    fc.assert(
      fc.property(position, (given) => {
        const text = gatewaysText(given);
        assert.deepEqual(positionOf(text), given);
        assert.equal(positionText(given), text);
        assert.deepEqual(parsePositionText(positionText(given)), given);
      }),
    );
  });

  test('what is none is told with what to do', () => {
    for (const text of ['', '!', 'AAAA', 'A'.repeat(30), '*'.repeat(30)]) {
      assert.throws(() => positionOf(text), { code: 'bad-answer', message: /update it/ });
    }
  });
});

describe('server SDK: tokens', () => {
  const wallMs = 1_700_000_000_000;
  const nowSeconds = wallMs / 1000;
  const environment = { ...runtime, wallMs: () => wallMs };
  const server = createServer({ hub: 'chat', endpoint, accessKey, environment });

  test('a client token is, byte for byte, what the gateway itself signs', async () => {
    const who = { userId: 'anna', roles: ['webpubsub.sendToGroup'], groups: ['g'] };
    const signed = signClientToken({ accessKey, endpoint, hub: 'chat', ...who, nowSeconds });
    assert.equal(await server.clientToken(who), signed);
    const anonymous = signClientToken({ accessKey, endpoint, hub: 'chat', nowSeconds });
    assert.equal(await server.clientToken({ userId: '' }), anonymous);
  });

  test('a request token, too', async () => {
    const url = `${endpoint}/api/hubs/chat/:send`;
    const signed = signServerToken({ accessKey, url, nowSeconds });
    const own = await new TokenSigner(accessKey, environment).sign({ aud: url }, 3_600_000);
    assert.equal(own, signed);
  });

  test('a lifetime is that of the options, rounded up to a second', async () => {
    const verify = createVerifier({ key: accessKey, clockTimestamp: wallMs });
    const claims: unknown = verify(await server.clientToken({ expiresInMs: 1500 }));
    assert.deepEqual(claims, {
      aud: `${endpoint}/client/hubs/chat`,
      iat: nowSeconds,
      exp: nowSeconds + 2,
    });
  });

  test('the URLs for clients: with a token, and without one', async () => {
    assert.equal(server.clientUrl, 'wss://gateway.example/base/client/hubs/chat');
    const token = await server.clientToken({ userId: 'ben' });
    assert.equal(
      await server.clientAccessUrl({ userId: 'ben' }),
      `${server.clientUrl}?access_token=${token}`,
    );
  });
});

describe('server SDK: options', () => {
  const good: ServerOptions = { hub: 'chat', endpoint, accessKey };

  test('a connection string stands for endpoint and access key', () => {
    const of = (text: string): string =>
      createServer({ hub: 'chat', connectionString: text }).clientUrl;
    const path = '/client/hubs/chat';
    assert.equal(of('Endpoint=https://h;AccessKey=k=;Version=1.0;'), `wss://h${path}`);
    assert.equal(of('accesskey=k; endpoint=http://h/b/;'), `ws://h/b${path}`);
    assert.equal(of('Endpoint=http://h;Port=8080;AccessKey=k'), `ws://h:8080${path}`);
    assert.equal(of('Endpoint=h;AccessKey=k'), `wss://h${path}`);
    assert.equal(parseConnectionString('Endpoint=h;AccessKey=a=b==').accessKey, 'a=b==');
  });

  const wrong: readonly (readonly [Partial<ServerOptions>, RegExp])[] = [
    [{ hub: 'a/b' }, /^hub must be .* got "a\/b"$/],
    [{ endpoint: undefined }, /^Give endpoint and accessKey/],
    [{ accessKey: '' }, /^Give endpoint and accessKey/],
    [{ endpoint: 'wss://h' }, /^endpoint must be like https:.* got "wss:\/\/h"$/],
    [{ internalEndpoint: 'here' }, /^internalEndpoint must be like/],
    [{ connectionString: 'Endpoint=https://h' }, /^connectionString must have the form/],
    [{ connectionString: 'Endpoint=h;AccessKey=secret;Port=x' }, /^Port must be .* got "x"$/],
    [{ retries: -1 }, /^retries must be 0 to 100, got -1$/],
    [{ timeoutMs: 0 }, /^timeoutMs must be 1 to 2147483647, got 0$/],
    [{ backoffCapMs: Number.NaN }, /^backoffCapMs must be 1 to/],
  ];
  for (const [option, message] of wrong) {
    test(`one that is wrong is named: ${JSON.stringify(option)}`, () => {
      assert.throws(() => createServer({ ...good, ...option }), { code: 'bad-option', message });
    });
  }
});
