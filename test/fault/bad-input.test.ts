/** Bad tokens, upgrades and REST requests: each its refusal, by the thousand, and no harm done. */
import assert from 'node:assert/strict';
import { after, before, describe, test, type TestContext } from 'node:test';
import { FrameClient, UpgradeRefusal } from '../support/frame-client.ts';
import { GatewayProcess } from '../support/gateway-process.ts';
import {
  assertMemoryReturns,
  assertServes,
  forge,
  inParallel,
  jsonSubprotocol,
  rest,
  smallHeap,
  type RestRequest,
} from './fault-fixtures.ts';

let gateway: GatewayProcess;
before(async () => {
  gateway = await GatewayProcess.start({ UPGRADES_PER_SECOND_MAX: 100_000 }, smallHeap);
});
after(() => gateway.run.kill());

const now = Math.floor(Date.now() / 1000);
const hs256 = { alg: 'HS256', typ: 'JWT' };

interface BadToken {
  readonly name: string;
  /** `aud`: the one that would be right. */
  readonly make: (aud: string, key: string) => string;
  readonly message: RegExp;
}

function claims(aud: string, differences: object = {}): object {
  return { aud, iat: now, exp: now + 3600, ...differences };
}

const badTokens: readonly BadToken[] = [
  {
    name: 'signed with another key',
    make: (aud) => forge(hs256, claims(aud), 'w'.repeat(32)),
    message: /signature was made with none of this gateway's access keys; compare the key/,
  },
  {
    name: 'expired',
    make: (aud, key) => forge(hs256, claims(aud, { exp: now - 400 }), key),
    message: /^The token expired \d+ s ago \("exp" is \d+\); get a new one/,
  },
  {
    name: 'without expiry',
    make: (aud, key) => forge(hs256, { aud }, key),
    message: /no "exp" claim/,
  },
  {
    name: 'not valid yet',
    make: (aud, key) => forge(hs256, claims(aud, { nbf: now + 4000 }), key),
    message: /"nbf" is \d+ s ahead of this gateway's clock/,
  },
  ...['none', 'None', 'NONE'].map((alg) => ({
    name: `unsigned (alg: ${alg})`,
    make: (aud: string) => forge({ alg, typ: 'JWT' }, claims(aud), ''),
    message: /token/i,
  })),
  {
    name: 'HS512 with the right key',
    make: (aud, key) => forge({ alg: 'HS512' }, claims(aud), key),
    message: /"alg" is "HS512"; use HS256|HS256\) only/,
  },
  {
    name: 'for another hub',
    make: (aud, key) => forge(hs256, claims(aud.replace('/hubs/chat', '/hubs/other')), key),
    message: /"aud" is ".*other.*", but it must be ".*chat/,
  },
  {
    name: 'for another endpoint',
    make: (aud, key) => forge(hs256, claims(aud.replace(/^http:\/\/[^/]+/, 'http://evil')), key),
    message: /"aud" is "http:\/\/evil.*, but it must be "http/,
  },
  {
    name: 'without an audience',
    make: (_aud, key) => forge(hs256, { exp: now + 3600 }, key),
    message: /no "aud" claim/,
  },
  {
    name: 'with claims of the wrong type',
    make: (_aud, key) => forge(hs256, { exp: 'tomorrow', aud: { a: 1 } }, key),
    message: /claim ".*" must be a/,
  },
  { name: 'that is no JWT', make: () => 'garbage', message: /not acceptable/ },
  { name: 'of three dots', make: () => '...', message: /not acceptable/ },
  {
    name: 'with a deep payload',
    make: (_aud, key) =>
      forge(hs256, { a: JSON.parse('['.repeat(2000) + ']'.repeat(2000)) as unknown }, key),
    message: /token/i,
  },
];

async function upgradeWith(t: TestContext, query: string, path = '/client/hubs/chat') {
  try {
    const subprotocols = [jsonSubprotocol];
    await FrameClient.open(t, `${gateway.wsUrl}${path}?${query}`, { subprotocols });
  } catch (error) {
    if (error instanceof UpgradeRefusal) return error;
    throw error;
  }
  return assert.fail(`${path}?${query} was let in`);
}

function errorOf(text: string): { readonly code: string; readonly message: string } {
  return JSON.parse(text) as { code: string; message: string };
}

describe('bad tokens', () => {
  for (const { make, message, name } of badTokens) {
    test(`token ${name}: 401 with the reason, at both doors`, async (t) => {
      const clientToken = make(`${gateway.url}/client/hubs/chat`, gateway.accessKey);
      const refusal = await upgradeWith(t, `access_token=${clientToken}`);
      assert.equal(refusal.status, 401, refusal.body);
      assert.equal(errorOf(refusal.body).code, 'bad-token');
      assert.match(errorOf(refusal.body).message, message);
      assert.match(String(refusal.headers['www-authenticate']), /^Bearer/);

      const path = '/api/hubs/chat/:send?api-version=2024-12-01';
      const token = make(gateway.url + path, gateway.accessKey);
      const answer = await rest(gateway, { path, token, body: 'x' });
      assert.equal(answer.status, 401, answer.text);
      assert.equal(errorOf(answer.text).code, 'bad-token');
      assert.match(errorOf(answer.text).message, message);
      assert.ok(!answer.text.includes(token) && !refusal.body.includes(clientToken));
    });
  }

  test('the token of a client opens no REST, and that of REST no client', async (t) => {
    const path = '/api/hubs/chat/:send';
    const ofClient = forge(hs256, claims(`${gateway.url}/client/hubs/chat`), gateway.accessKey);
    assert.equal((await rest(gateway, { path, token: ofClient, body: 'x' })).status, 401);
    const ofRest = forge(hs256, claims(gateway.url + path), gateway.accessKey);
    assert.equal((await upgradeWith(t, `access_token=${ofRest}`)).status, 401);
  });

  test('a token longer than is read: refused by the parser or by us, never let in', async (t) => {
    for (const length of [7_000, 9_000, 40_000]) {
      const refused = upgradeWith(t, `access_token=${'a'.repeat(length)}`);
      // The parser closes the connection behind what it refuses; the client may see only that.
      const status = await refused.then(
        (refusal) => refusal.status,
        (error: unknown) => {
          assert.match(String(error), /ECONNRESET|EPIPE|socket hang up/);
          return 431;
        },
      );
      assert.ok(status === 401 || status === 431, `${length}: ${status}`);
    }
  });
});

const send = '/api/hubs/chat/:send?api-version=2024-12-01';
const asJson = { 'content-type': 'application/json' };
const filter = "userId eq 'nobody'";

interface BadRequest extends RestRequest {
  readonly name: string;
  readonly status: number;
  readonly message: RegExp;
}

const badRequests: readonly BadRequest[] = [
  {
    name: 'JSON that ends early',
    path: send,
    body: '{"a":',
    headers: asJson,
    status: 400,
    message: /^The request body is not valid JSON: .* at byte 5/,
  },
  {
    name: 'JSON a million deep',
    path: send,
    body: '['.repeat(1_000_000),
    headers: asJson,
    status: 400,
    message: /nested too deeply at byte 64/,
  },
  {
    name: 'bytes where text is due',
    path: send,
    body: Buffer.of(0xff, 0xfe, 0),
    status: 400,
    message: /not valid UTF-8/,
  },
  {
    name: 'a body over the bound',
    path: send,
    body: Buffer.alloc(1024 * 1024 + 1),
    status: 400,
    message: /Content-Length/,
  },
  {
    name: 'an unknown content type',
    path: send,
    body: 'x',
    headers: { 'content-type': 'text/html' },
    status: 415,
    message: /must be one of application\/json, text\/plain, .*, got "text\/html"/,
  },
  {
    name: 'an unknown charset',
    path: send,
    body: 'x',
    headers: { 'content-type': 'text/plain; charset=klingon' },
    status: 415,
    message: /charset "klingon", which is not known; use utf-8/,
  },
  {
    name: 'a filter that ends early',
    path: `${send}&filter=userId%20eq`,
    body: 'x',
    status: 400,
    message: /'userId eq'.*position 9/,
  },
  {
    name: 'a filter too deep',
    path: `${send}&filter=${'('.repeat(2000)}`,
    body: 'x',
    status: 400,
    message: /levels deep, expect at most 100/,
  },
  {
    name: 'a time to live out of range',
    path: `${send}&messageTtlSeconds=301`,
    body: 'x',
    status: 400,
    message: /messageTtlSeconds must be .*0\.\.300, got "301"/,
  },
  {
    name: 'a broken percent-encoding in the query',
    path: `${send}&filter=%zz`,
    body: 'x',
    status: 400,
    message: /bad percent-encoding in "filter=%zz"/,
  },
  {
    name: 'a surrogate in a path',
    path: '/api/hubs/chat/groups/%ed%a0%80/:send',
    body: 'x',
    status: 400,
    message: /group in the path has a bad percent-encoding/,
  },
  {
    name: 'a hub that is none',
    path: '/api/hubs/1st/:send',
    body: 'x',
    status: 400,
    message: /^The hub must be a letter .*, got "1st"/,
  },
  {
    name: 'a group that is too long',
    path: `/api/hubs/chat/groups/${'g'.repeat(1025)}/:send`,
    body: 'x',
    status: 400,
    message: /^group must have 1\.\.1024 characters/,
  },
  {
    name: 'a lone surrogate in the name of a group',
    path: '/api/hubs/chat/:addToGroups',
    body: JSON.stringify({ groups: ['good', '\ud800'], filter }),
    headers: asJson,
    status: 400,
    message: /valid Unicode, not only white space, got "\\ud800"/,
  },
  {
    name: 'groups by way of the prototype',
    path: '/api/hubs/chat/:addToGroups',
    body: `{"__proto__":{"groups":["g"]},"filter":"${filter}"}`,
    headers: asJson,
    status: 400,
    message: /^groups must be an array/,
  },
  {
    name: 'metadata that is not ASCII',
    path: send,
    body: 'x',
    headers: { 'x-webpubsub-metadata-a': 'caf\u00e9s' },
    status: 400,
    message: /metadata value of "a" must be printable ASCII/,
  },
  {
    name: 'a path that is not there',
    path: '/api/hubs/chat/nothing',
    body: 'x',
    status: 404,
    message: /nothing at this path/,
  },
  {
    name: 'a method that is not there',
    method: 'PATCH',
    path: send,
    body: 'x',
    status: 405,
    message: /has no PATCH; use POST/,
  },
];

describe('bad requests', () => {
  for (const { message, name, status, ...request } of badRequests) {
    test(`REST: ${name} is ${status} with the reason`, async () => {
      const answer = await rest(gateway, request);
      assert.equal(answer.status, status, answer.text);
      assert.match(errorOf(answer.text).message, message);
      assert.ok(answer.text.length < 2000, 'what was sent is not sent back');
    });
  }
});

describe('bad input by the thousand', () => {
  test('tokens and requests: the process lives, serves, and its memory returns', async (t) => {
    await assertMemoryReturns(gateway, async () => {
      await inParallel(700, 20, async (index) => {
        const badToken = badTokens[index % badTokens.length];
        const badRequest = badRequests[index % badRequests.length];
        assert.ok(badToken !== undefined && badRequest !== undefined);
        const token = badToken.make(`${gateway.url}/client/hubs/chat`, gateway.accessKey);
        const response = await fetch(`${gateway.url}/client/hubs/chat?access_token=${token}`, {
          headers: { 'sec-websocket-protocol': jsonSubprotocol },
        });
        assert.equal(response.status, 400, 'a plain request is told to use a WebSocket');
        await response.text();
        assert.equal((await rest(gateway, badRequest)).status, badRequest.status);
        assert.equal((await rest(gateway, { path: send, token, body: 'x' })).status, 401);
      });
    });
    await assertServes(t, gateway);
  });
});
