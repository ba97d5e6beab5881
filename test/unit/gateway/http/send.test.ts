/** Sends: what becomes of the body, the content type, the query and the metadata. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { defaultLimits } from '../../../../gateway/limits.ts';
import { brokerAway, detailOf, RestFixture } from './rest-fixtures.ts';

const line = 'POST /api/hubs/Chat/:send';
const ofType = (type: string | undefined, body: string | Uint8Array) => ({
  body,
  headers: { 'content-type': type },
});

async function published(request: string, options: ReturnType<typeof ofType>) {
  const fixture = new RestFixture();
  const response = await fixture.send(request, options);
  assert.equal(response.status, 202, String(response.body));
  assert.equal(response.body, undefined);
  const [publication] = fixture.published;
  assert.ok(publication !== undefined);
  const { dataType, bytes } = publication.payload;
  return { ...publication, payload: { dataType, text: Buffer.from(bytes).toString() } };
}

async function refused(request: string, options: ReturnType<typeof ofType>) {
  const fixture = new RestFixture();
  const response = await fixture.send(request, options);
  assert.deepEqual(fixture.published, []);
  const detail = detailOf(response);
  assert.equal(response.headers?.['content-type'], 'application/json');
  assert.equal(response.headers['x-ms-error-code'], detail.code);
  return { status: response.status, ...detail };
}

describe('send: destinations', () => {
  const destinations = [
    ['/:send', { kind: 'all' }],
    ['/users/u%2F1%20%C3%A9/:send', { kind: 'user', name: 'u/1 é' }],
    ['/groups/a.b/:send', { kind: 'group', name: 'a.b' }],
    ['/connections/c-1/:send', { kind: 'connection', name: 'c-1' }],
    ['/users/:send/:send', { kind: 'user', name: ':send' }],
    ['/users/u/%3Asend', { kind: 'user', name: 'u' }],
  ] as const;
  for (const [path, to] of destinations) {
    test(`${path}: goes there, in the folded hub`, async () => {
      const publication = await published(`POST /api/hubs/CHAT${path}`, ofType('text/plain', 'x'));
      assert.deepEqual(publication.to, to);
      assert.equal(publication.hub, 'chat');
      assert.equal(publication.sender, undefined);
    });
  }
});

describe('send: content types', () => {
  const bodies: readonly (readonly [string | undefined, string | Uint8Array, string, string])[] = [
    ['application/json', ' {"b":1, "a":1.0} ', 'json', '{"b":1, "a":1.0}'],
    ['Application/JSON; charset=UTF-8', '"é"', 'json', '"é"'],
    ['application/json;charset="utf-16le"', Buffer.from('"é"', 'utf16le'), 'json', '"é"'],
    ['text/plain', 'hé', 'text', 'hé'],
    ['text/plain', '', 'text', ''],
    ['text/plain; charset=iso-8859-1', Uint8Array.of(0x68, 0xe9), 'text', 'hé'],
    ['text/plain; format=flowed; charset=utf8', 'hé', 'text', 'hé'],
    ['application/octet-stream', 'raw', 'binary', 'raw'],
    ['application/octet-stream; charset=none', 'raw', 'binary', 'raw'],
    [undefined, 'raw', 'binary', 'raw'],
  ];
  for (const [type, body, dataType, text] of bodies) {
    test(`${type}: a payload of ${dataType}`, async () => {
      assert.deepEqual((await published(line, ofType(type, body))).payload, { dataType, text });
    });
  }

  test('binary: the bytes are those of the body', async () => {
    const fixture = new RestFixture();
    const body = Uint8Array.of(0, 255, 128, 7);
    await fixture.send(line, ofType('application/octet-stream', body));
    assert.deepEqual(fixture.published[0]?.payload.bytes, body);
  });

  const faults: readonly (readonly [string, string, string | Uint8Array, number, RegExp])[] = [
    ['another type', 'application/xml', '<a/>', 415, /application\/xml/],
    ['another charset', 'text/plain; charset=klingon', 'x', 415, /klingon/],
    ['no JSON', 'application/json', '{', 400, /not valid JSON/],
    ['an empty JSON body', 'application/json', '', 400, /not valid JSON/],
    ['two JSON values', 'application/json', '1 2', 400, /not valid JSON/],
    ['JSON too deep', 'application/json', '['.repeat(65) + ']'.repeat(65), 400, /too deep/],
    ['bad UTF-8', 'text/plain', Uint8Array.of(0xff), 400, /UTF-8/i],
    ['half a UTF-16 unit', 'text/plain; charset=utf-16le', Uint8Array.of(1), 400, /utf-16le/],
  ];
  for (const [name, type, body, status, message] of faults) {
    test(`${name}: ${status}`, async () => {
      const refusal = await refused(line, ofType(type, body));
      assert.equal(refusal.status, status);
      assert.match(refusal.message, message);
    });
  }
});

describe('send: Content-Length', () => {
  const sizes: readonly (readonly [string, Record<string, string | undefined>])[] = [
    ['none', { 'content-length': undefined }],
    ['chunked', { 'content-length': undefined, 'transfer-encoding': 'chunked' }],
    ['no number', { 'content-length': 'x' }],
    ['more than the bound', { 'content-length': String(defaultLimits.bodyBytesMax + 1) }],
  ];
  for (const [name, headers] of sizes) {
    test(`${name}: 400 in Azure's words, before the body is read`, async () => {
      const response = await new RestFixture().send(line, { headers });
      assert.equal(response.status, 400);
      assert.equal(detailOf(response).message, 'Invalid Content-Length header.');
    });
  }

  test('exactly the bound: good', async () => {
    const body = new Uint8Array(defaultLimits.bodyBytesMax);
    assert.equal((await new RestFixture().send(line, { body })).status, 202);
  });
});

describe('send: query and metadata', () => {
  test('excluded, filter and time to live: passed on', async () => {
    const query =
      'excluded=a%20b&excluded=c&filter=userId%20eq%20%27o%27%27b%27&messageTtlSeconds=60';
    const publication = await published(
      `${line}?api-version=2099-01-01&x=1&${query}`,
      ofType(undefined, 'x'),
    );
    assert.deepEqual(publication.excluded, ['a b', 'c']);
    assert.equal(publication.filter, "userId eq 'o''b'");
    assert.equal(publication.ttlSeconds, 60);
  });

  test('keys in another case and plus for space: as in Azure', async () => {
    const publication = await published(`${line}?FILTER=userId+eq+'a'`, ofType(undefined, 'x'));
    assert.equal(publication.filter, "userId eq 'a'");
  });

  test('nothing given: nothing passed on', async () => {
    const publication = await published(`${line}?filter=`, ofType(undefined, 'x'));
    assert.equal(publication.excluded, undefined);
    assert.equal(publication.filter, undefined);
    assert.equal(publication.ttlSeconds, undefined);
    assert.equal(publication.metadata, undefined);
  });

  test('filter and excluded: ignored where the operation has none', async () => {
    const query = 'filter=nonsense&excluded=a';
    const toConnection = await published(
      `POST /api/hubs/h/connections/c/:send?${query}`,
      ofType(undefined, 'x'),
    );
    assert.equal(toConnection.filter, undefined);
    assert.equal(toConnection.excluded, undefined);
    const toUser = await published(
      'POST /api/hubs/h/users/u/:send?excluded=a',
      ofType(undefined, 'x'),
    );
    assert.equal(toUser.excluded, undefined);
  });

  test("a bad filter: 400 in Azure's words", async () => {
    const refusal = await refused(`${line}?filter=invalid%20filter`, ofType(undefined, 'x'));
    assert.deepEqual(refusal, {
      status: 400,
      code: 'bad-filter',
      message:
        "Invalid syntax for 'invalid filter': Syntax error at position 14 in 'invalid filter'. " +
        "(Parameter 'filter')",
      target: 'filter',
    });
  });

  for (const value of ['301', '-1', '1.5', '', 'x', '1e2', '%20']) {
    test(`messageTtlSeconds "${value}": 400`, async () => {
      const refusal = await refused(`${line}?messageTtlSeconds=${value}`, ofType(undefined, 'x'));
      assert.equal(refusal.target, 'messageTtlSeconds');
      assert.match(refusal.message, /0\.\.300/);
    });
  }

  test('a key twice that may be there once: 400', async () => {
    const refusal = await refused(`${line}?filter=true&filter=false`, ofType(undefined, 'x'));
    assert.match(refusal.message, /filter is there 2 times/);
  });

  test('bad percent-encoding in the query: 400', async () => {
    const refusal = await refused(`${line}?filter=%zz`, ofType(undefined, 'x'));
    assert.match(refusal.message, /percent-encoding/);
  });

  test('metadata headers: passed on without their prefix', async () => {
    const fixture = new RestFixture();
    const headers = { 'x-webpubsub-metadata-trace': 't-1', 'x-webpubsub-metadata-a.b': '2' };
    assert.equal((await fixture.send(line, { body: 'x', headers })).status, 202);
    assert.deepEqual(fixture.published[0]?.metadata, { trace: 't-1', 'a.b': '2' });
  });

  test('metadata that is too large: 400', async () => {
    const headers = { 'x-webpubsub-metadata-a': 'x'.repeat(1025) };
    const response = await new RestFixture().send(line, { headers });
    assert.equal(response.status, 400);
    assert.match(detailOf(response).message, /metadata/);
  });

  test('the broker is away: 503 with Retry-After', async () => {
    const fixture = new RestFixture();
    fixture.publishError = brokerAway;
    const response = await fixture.send(line, { body: 'x' });
    assert.equal(response.status, 503);
    assert.equal(response.headers?.['retry-after'], '1');
    assert.deepEqual(detailOf(response), {
      code: 'backplane-unavailable',
      message: 'The broker is away.',
    });
    assert.deepEqual(fixture.reported, []);
  });
});
