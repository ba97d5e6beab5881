/** Many messages in one request: each succeeds or fails for itself, in order, bytes as sent. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { defaultLimits } from '../../../../gateway/limits.ts';
import { positionText } from '../../../../gateway/protocol/position-text.ts';
import { at, brokerAway, detailOf, jsonOf, RestFixture } from './rest-fixtures.ts';

const line = 'POST /api/hubs/Chat/:sendBatch';
const asJson = (body: string) => ({ body, headers: { 'content-type': 'application/json' } });
const toGroup = '"to":{"kind":"group","name":"g"}';
const text = `{${toGroup},"dataType":"text","data":"x"}`;

type Result = Readonly<Record<string, unknown>>;

async function resultsOf(fixture: RestFixture, messages: readonly string[]) {
  const response = await fixture.send(line, asJson(`{"messages":[${messages.join(', ')}]}`));
  assert.equal(response.status, 200, String(response.body));
  return (jsonOf(response) as { readonly results: readonly Result[] }).results;
}

/** What one message becomes. */
async function published(message: string) {
  const fixture = new RestFixture();
  const [result] = await resultsOf(fixture, [message]);
  assert.equal(result?.['status'], 202, JSON.stringify(result));
  const [publication] = fixture.published;
  assert.ok(publication !== undefined);
  return publication;
}

describe('sendBatch: messages', () => {
  const destinations = [
    ['{"kind":"all"}', { kind: 'all' }],
    ['{"kind":"user","name":"u 1"}', { kind: 'user', name: 'u 1' }],
    ['{"name":"g","kind":"group"}', { kind: 'group', name: 'g' }],
    ['{"kind":"connection","name":"c"}', { kind: 'connection', name: 'c' }],
  ] as const;
  for (const [to, expected] of destinations) {
    test(`${to}: goes there, in the folded hub`, async () => {
      const publication = await published(`{"to":${to},"dataType":"text","data":"x"}`);
      assert.deepEqual(publication.to, expected);
      assert.equal(publication.hub, 'chat');
      assert.equal(publication.id, undefined);
    });
  }

  const payloads: readonly (readonly [string, string, string])[] = [
    [
      'json',
      ' { "n": 12345678901234567890.10, "n":1e400 } ',
      '{ "n": 12345678901234567890.10, "n":1e400 }',
    ],
    ['json', 'null', 'null'],
    ['text', '"h\\u00e9\\n\\ud800"', 'hé\n\ufffd'],
    ['binary', '"AP8="', '\u0000\ufffd'],
  ];
  for (const [dataType, data, expected] of payloads) {
    test(`${dataType} ${data}: the bytes that were meant`, async () => {
      const { payload } = await published(`{${toGroup},"dataType":"${dataType}","data":${data}}`);
      assert.equal(payload.dataType, dataType);
      assert.equal(Buffer.from(payload.bytes).toString(), expected);
    });
  }

  test('everything else: passed on', async () => {
    const rest = `"metadata":{"a":"1"},"excluded":["c1"],"filter":"userId eq 'a'","ttlSeconds":60`;
    const publication = await published(`{${toGroup},"dataType":"text","data":"x",${rest}}`);
    assert.deepEqual({ ...publication.metadata }, { a: '1' });
    assert.deepEqual(publication.excluded, ['c1']);
    assert.equal(publication.filter, "userId eq 'a'");
    assert.equal(publication.ttlSeconds, 60);
  });

  test('id: the same as an Idempotency-Key of a send', async () => {
    const inBatch = await published(`{${toGroup},"dataType":"text","data":"x","id":"k"}`);
    const fixture = new RestFixture();
    const headers = { 'idempotency-key': 'k' };
    await fixture.send('POST /api/hubs/chat/groups/g/:send', { body: 'y', headers });
    assert.equal(inBatch.id, fixture.published[0]?.id);
    assert.ok(inBatch.id !== undefined);
  });
});

describe('sendBatch: results', () => {
  test('in the order of the messages; a bad one fails alone', async () => {
    const fixture = new RestFixture();
    let count = 0;
    fixture.outcome = () => {
      count += 1;
      const position = count === 1 ? undefined : at(count);
      return { id: `p${count}`, position, isDuplicate: count === 3 };
    };
    const results = await resultsOf(fixture, [text, '7', text, text]);
    assert.deepEqual(results, [
      { status: 202, id: 'p1' },
      {
        status: 400,
        code: 'bad-request',
        message: 'A message must be an object.',
        target: 'message',
      },
      { status: 202, id: 'p2', position: positionText(at(2)), isDuplicate: false },
      { status: 202, id: 'p3', position: positionText(at(3)), isDuplicate: true },
    ]);
  });

  test('all are published before the first answer, in their order', async () => {
    const fixture = new RestFixture();
    const names = Array.from({ length: 50 }, (_, index) => String(index));
    await resultsOf(
      fixture,
      names.map((data) => `{${toGroup},"dataType":"text","data":"${data}"}`),
    );
    const sent = fixture.published.map(({ payload }) => Buffer.from(payload.bytes).toString());
    assert.deepEqual(sent, names);
  });

  test('a broker that is away: told for each message', async () => {
    const fixture = new RestFixture();
    fixture.publishError = brokerAway;
    const failed = { status: 503, code: 'backplane-unavailable', message: brokerAway.message };
    assert.deepEqual(await resultsOf(fixture, [text, text]), [failed, failed]);
    assert.deepEqual(fixture.reported, []);
  });

  test('a failure of ours: reported, and not told', async () => {
    const fixture = new RestFixture();
    fixture.publishError = new Error('secret');
    const [result] = await resultsOf(fixture, [text]);
    assert.equal(result?.['status'], 500);
    assert.doesNotMatch(JSON.stringify(result), /secret/);
    assert.deepEqual(fixture.reported, [fixture.publishError]);
  });
});

describe('sendBatch: faults of one message', () => {
  const data = '"dataType":"text","data":"x"';
  const faults: readonly (readonly [string, string])[] = [
    [`{${data}}`, 'to'],
    [`{"to":"all",${data}}`, 'to'],
    [`{"to":{},${data}}`, 'to'],
    [`{"to":{"kind":"hub"},${data}}`, 'to'],
    [`{"to":{"kind":"all","name":"x"},${data}}`, 'to'],
    [`{"to":{"kind":"group"},${data}}`, 'to'],
    [`{"to":{"kind":"group","name":" "},${data}}`, 'to'],
    [`{"to":{"kind":"user","name":""},${data}}`, 'userId'],
    [`{"to":{"kind":"connection","name":""},${data}}`, 'to'],
    [`{"to":{"kind":"connection","name":"c"},${data},"excluded":["a"]}`, 'to'],
    [`{"to":{"kind":"connection","name":"c"},${data},"filter":"true"}`, 'to'],
    [`{${toGroup},"dataType":"text"}`, 'data'],
    [`{${toGroup},"data":"x"}`, 'dataType'],
    [`{${toGroup},"dataType":"protobuf","data":"x"}`, 'dataType'],
    [`{${toGroup},"dataType":"text","data":7}`, 'data'],
    [`{${toGroup},"dataType":"binary","data":"AP8"}`, 'data'],
    [`{${toGroup},${data},"id":""}`, 'id'],
    [`{${toGroup},${data},"id":7}`, 'id'],
    [`{${toGroup},${data},"metadata":[]}`, 'metadata'],
    [`{${toGroup},${data},"metadata":{"a":1}}`, 'metadata'],
    [`{${toGroup},${data},"metadata":{"__proto__":"1"}}`, 'metadata'],
    [`{${toGroup},${data},"excluded":"a"}`, 'excluded'],
    [`{${toGroup},${data},"excluded":[1]}`, 'excluded'],
    [`{${toGroup},${data},"filter":"userId eq"}`, 'filter'],
    [`{${toGroup},${data},"ttlSeconds":301}`, 'ttlSeconds'],
    [`{${toGroup},${data},"ttlSeconds":1.5}`, 'ttlSeconds'],
    [`{${toGroup},${data},"ttlSeconds":"1"}`, 'ttlSeconds'],
    [`{${toGroup},${data},"ttl":1}`, 'message'],
    [`{${toGroup},${data},"dat\\u0061":"y"}`, 'message'],
    ['[]', 'message'],
    ['null', 'message'],
  ];
  for (const [message, target] of faults) {
    test(`${message}: 400 for ${target}`, async () => {
      const fixture = new RestFixture();
      const [result] = await resultsOf(fixture, [message]);
      assert.equal(result?.['status'], 400, JSON.stringify(result));
      assert.equal(result['target'], target);
      assert.deepEqual(fixture.published, []);
    });
  }
});

describe('sendBatch: faults of the request', () => {
  const bodies: readonly (readonly [string, string])[] = [
    ['', 'body'],
    ['{', 'body'],
    ['[]', 'body'],
    ['{}', 'body'],
    ['{"messages":{}}', 'body'],
    ['{"messages":[],"more":1}', 'body'],
    ['{"messages":[1],"messages":[2]}', 'body'],
    ['{"messages":[]}', 'messages'],
    [
      `{"messages":[${Array<string>(defaultLimits.batchMessagesMax + 1)
        .fill('1')
        .join()}]}`,
      'messages',
    ],
  ];
  for (const [body, target] of bodies) {
    test(`${body.slice(0, 40)}: 400 for ${target}`, async () => {
      const response = await new RestFixture().send(line, asJson(body));
      assert.equal(response.status, 400, String(response.body).slice(0, 300));
      assert.equal(detailOf(response).target, target);
    });
  }

  test('as many as are allowed: accepted', async () => {
    const fixture = new RestFixture();
    const messages = Array<string>(defaultLimits.batchMessagesMax).fill(text);
    const results = await resultsOf(fixture, messages);
    assert.equal(results.filter(({ status }) => status === 202).length, messages.length);
  });

  test('another content type: 415', async () => {
    assert.equal((await new RestFixture().send(line, { body: '{}' })).status, 415);
  });

  test('a hub that is none: 400', async () => {
    const response = await new RestFixture().send(
      'POST /api/hubs/1/:sendBatch',
      asJson('{"messages":[1]}'),
    );
    assert.equal(detailOf(response).target, 'hub');
  });
});
