/** Calls of the server SDK on a gateway that fails in every way: what is repeated, when, and why not. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { retryAfterMs } from '../../../server-sdk/src/retry.ts';
import { FakeGateway, type FakeAnswer } from './fakes.ts';

const accepted: FakeAnswer = { status: 202 };
const busy: FakeAnswer = {
  status: 503,
  headers: { 'x-ms-error-code': 'backplane-unavailable' },
  body: '{"code":"backplane-unavailable","message":"The broker does not answer."}',
};

describe('server SDK: what is repeated', () => {
  test('a publish: after a lost answer and busy answers, with the same id and request id', async () => {
    const gateway = new FakeGateway();
    const published = gateway.server().group('g').publish({ x: 1 });
    (await gateway.request(1)).fail(new TypeError('fetch failed'));
    await gateway.settle();
    await gateway.clock.pass(200);
    (await gateway.request(2)).answer(busy);
    await gateway.settle();
    await gateway.clock.pass(400);
    (await gateway.request(3)).answer({ status: 429 });
    await gateway.settle();
    await gateway.clock.pass(800);
    (await gateway.request(4)).answer(accepted);
    await published;
    const of = (name: string): Set<string | undefined> =>
      new Set(gateway.requests.map(({ init }) => init.headers[name]));
    assert.equal(of('idempotency-key').size, 1);
    assert.equal(of('x-ms-client-request-id').size, 1);
    assert.equal(gateway.clock.pending, 0);
  });

  test('the last failure is told when all attempts failed', async () => {
    const gateway = new FakeGateway();
    const published = gateway.server({ retries: 1 }).all.publish(1);
    const told = assert.rejects(published, {
      code: 'backplane-unavailable',
      status: 503,
      requestId: 'id 2',
      message: 'POST :send was answered with 503: The broker does not answer.',
    });
    (await gateway.request(1)).fail(new TypeError('fetch failed'));
    await gateway.settle();
    await gateway.clock.pass(200);
    (await gateway.request(2)).answer(busy);
    await told;
    assert.deepEqual([gateway.requests.length, gateway.clock.pending], [2, 0]);
  });

  for (const status of [400, 401, 403, 404, 410, 500]) {
    test(`a publish: not after ${status}, which would come again`, async () => {
      const gateway = new FakeGateway();
      const told = assert.rejects(gateway.server().all.publish(1), { code: 'refused', status });
      (await gateway.request(1)).answer({ status, body: '<html>' });
      await told;
      assert.equal(gateway.requests.length, 1);
    });
  }

  test('what a second time would do again: only where nothing was done', async () => {
    const gateway = new FakeGateway();
    const closing = gateway.server().group('g').closeConnections({ reason: 'because' });
    (await gateway.request(1)).answer({ status: 429 });
    await gateway.settle();
    await gateway.clock.pass(200);
    const told = assert.rejects(closing, { code: 'refused', status: 502 });
    (await gateway.request(2)).answer({ status: 502 });
    await told;
    const purging = assert.rejects(gateway.server().all.purge(), { code: 'network' });
    (await gateway.request(3)).fail(new TypeError('fetch failed'));
    await purging;
    assert.equal(gateway.requests.length, 3);
  });

  test('the one message of a batch that stands in for a publish: as the publish', async () => {
    const gateway = new FakeGateway();
    const published = gateway
      .server()
      .group('g')
      .publish(1, { metadata: { Upper: 'case' } });
    const results = (result: object): FakeAnswer => ({
      status: 200,
      body: JSON.stringify({ results: [result] }),
    });
    (await gateway.request(1)).answer(results({ status: 503, code: 'x', message: 'later' }));
    await gateway.settle();
    await gateway.clock.pass(200);
    (await gateway.request(2)).answer(results({ status: 202, id: 'r.1' }));
    assert.equal((await published).id, 'r.1');
    assert.equal(gateway.requests[0]?.init.body, gateway.requests[1]?.init.body);
  });
});

describe('server SDK: when it is repeated', () => {
  test('delays: a random part of a bound that doubles up to its cap', async () => {
    const gateway = new FakeGateway();
    const options = { retries: 4, backoffBaseMs: 100, backoffCapMs: 300 };
    const published = gateway.server(options).all.publish(1);
    for (const [index, ms] of [100, 200, 300, 300].entries()) {
      (await gateway.request(index + 1)).answer(busy);
      await gateway.settle();
      await gateway.clock.pass(ms - 1);
      await gateway.settle();
      assert.deepEqual([gateway.requests.length, gateway.clock.pending], [index + 1, 1]);
      await gateway.clock.pass(1);
    }
    (await gateway.request(5)).answer(accepted);
    await published;
  });

  test('Retry-After: not before, and not together with the others', async () => {
    const gateway = new FakeGateway();
    const published = gateway.server().all.publish(1);
    (await gateway.request(1)).answer({ ...busy, headers: { 'retry-after': '2' } });
    await gateway.settle();
    await gateway.clock.pass(2199);
    await gateway.settle();
    assert.deepEqual([gateway.requests.length, gateway.clock.pending], [1, 1]);
    await gateway.clock.pass(1);
    (await gateway.request(2)).answer(accepted);
    await published;
  });

  test('Retry-After: one that is later than the end of the call ends it, and is told', async () => {
    const gateway = new FakeGateway();
    const told = assert.rejects(gateway.server().all.publish(1, { timeoutMs: 1500 }), {
      status: 429,
      retryAfterMs: 2000,
    });
    (await gateway.request(1)).answer({ status: 429, headers: { 'retry-after': '2' } });
    await told;
    assert.equal(gateway.clock.pending, 0);
  });

  test('Retry-After: seconds, a date, or nothing that can be read', () => {
    const now = Date.parse('Tue, 24 Nov 2026 18:00:00 GMT');
    assert.equal(retryAfterMs('17', now), 17_000);
    assert.equal(retryAfterMs('Tue, 24 Nov 2026 18:00:09 GMT', now), 9000);
    assert.equal(retryAfterMs('Tue, 24 Nov 2026 17:00:00 GMT', now), 0);
    assert.equal(retryAfterMs('soon', now), undefined);
    assert.equal(retryAfterMs(null, now), undefined);
  });
});

describe('server SDK: how a call ends', () => {
  test('an attempt without an answer: the next one, and in the end a timeout', async () => {
    const gateway = new FakeGateway();
    const options = { attemptTimeoutMs: 1000, timeoutMs: 1700 };
    const told = assert.rejects(gateway.server(options).user('u').exists(), {
      code: 'timeout',
      message: 'HEAD https://gateway.example/api/hubs/chat/users/u was not answered within 500 ms',
    });
    const first = await gateway.request(1);
    await gateway.clock.pass(1000);
    assert.equal(first.init.signal.aborted, true);
    await gateway.settle();
    await gateway.clock.pass(200);
    await gateway.request(2);
    await gateway.clock.pass(500);
    await told;
    assert.deepEqual([gateway.requests.length, gateway.clock.pending], [2, 0]);
  });

  test('a signal: before, during and between attempts, always with its reason', async () => {
    const reason = new Error('enough');
    const before = new FakeGateway();
    const aborted = AbortSignal.abort(reason);
    await assert.rejects(before.server().all.publish(1, { signal: aborted }), reason);
    assert.equal(before.requests.length, 0);

    for (const isBetween of [false, true]) {
      const gateway = new FakeGateway();
      const ending = new AbortController();
      const told = assert.rejects(
        gateway.server().all.publish(1, { signal: ending.signal }),
        reason,
      );
      const attempt = await gateway.request(1);
      if (isBetween) {
        attempt.answer(busy);
        await gateway.settle();
      }
      ending.abort(reason);
      await told;
      assert.deepEqual([gateway.requests.length, gateway.clock.pending], [1, 0]);
    }
  });

  test('answers that are not the gateway’s: a 404 is no "no", and HTML is no page', async () => {
    const gateway = new FakeGateway();
    const missing = assert.rejects(gateway.server().user('u').exists(), { code: 'refused' });
    (await gateway.request(1)).answer({ status: 404 });
    await missing;
    const page = assert.rejects(gateway.server().all.streamInfo(), { code: 'bad-answer' });
    (await gateway.request(2)).answer({ status: 200, body: '<html>' });
    await page;
  });
});

describe('server SDK: what is sent', () => {
  test('names are encoded once, to the internal address, signed for the public one', async () => {
    const gateway = new FakeGateway();
    const server = gateway.server({
      endpoint: 'https://gateway.example/base/',
      internalEndpoint: 'http://10.0.0.1:8080',
    });
    const published = server.group('a/b ü?').publish(1, { filter: "userId eq 'x&y'" });
    const { url, init } = await gateway.request(1);
    const path = '/api/hubs/chat/groups/a%2Fb%20%C3%BC%3F/%3Asend';
    const query = "?filter=userId%20eq%20'x%26y'";
    assert.equal(url, `http://10.0.0.1:8080${path}${query}`);
    const [, claims = ''] = init.headers['authorization']?.split('.') ?? [];
    assert.deepEqual(JSON.parse(Buffer.from(claims, 'base64url').toString()), {
      aud: `https://gateway.example/base${path}${query}`,
      iat: 1_700_000_000,
      exp: 1_700_000_300,
    });
    (await gateway.request(1)).answer(accepted);
    await published;
  });

  test('a payload that is no JSON, and one that its validator refuses, are not sent', async () => {
    const gateway = new FakeGateway();
    const issue = { message: 'no text' };
    const refusing = {
      '~standard': { version: 1, vendor: 'test', validate: () => ({ issues: [issue] }) },
    } as const;
    const server = gateway.server({ validators: { 'room.{id}': refusing } });
    const refused = { name: 'TrunklineError', code: 'invalid-payload' };
    const circular: unknown[] = [];
    circular.push(circular);
    for (const data of [() => 1, undefined, 1n, circular]) {
      await assert.rejects(server.all.publish(data), refused);
    }
    await assert.rejects(server.group('room.1').publish({}), {
      ...refused,
      message: 'The payload of group room.1 is not valid: no text',
      cause: [issue],
    });
    await assert.rejects(server.batch([{ group: 'room.1', data: 1 }]), refused);
    assert.equal(gateway.requests.length, 0);
  });
});
