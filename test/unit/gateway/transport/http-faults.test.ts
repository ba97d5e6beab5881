/** What goes wrong in a request must end in an answer or a noticed abort, never in the process. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { HttpResponse } from '../../../../gateway/transport/transport.ts';
import {
  RawClient,
  requestText,
  startServer,
  until,
  type Harness,
} from '../../../support/transport-harness.ts';

/** The proof that the process and the server are there: another request gets its answer. */
async function assertAlive(harness: Harness): Promise<void> {
  const response = await fetch(`${harness.origin}/alive`);
  assert.equal(response.status, 200);
}

function boom(): never {
  throw new Error('boom');
}

const isAlivePath = (path: string): boolean => path === '/alive';
const fine: HttpResponse = { status: 200, body: 'fine' };

describe('http: faults', () => {
  test('handler: a throw is answered with 500 and reported', async (t) => {
    const harness = await startServer(t, {
      handlers: { onRequest: ({ path }) => (isAlivePath(path) ? fine : boom()) },
    });
    const response = await fetch(`${harness.origin}/x`);
    assert.equal(response.status, 500);
    assert.equal(response.headers.get('x-ms-error-code'), 'internal');
    assert.match(await response.text(), /^\{"code":"internal","message":"[^"]+"\}$/);
    assert.deepEqual(harness.errors.map(String), ['Error: boom']);
    assert.equal(harness.server.counters.handlerErrors, 1);
    await assertAlive(harness);
  });

  test('handler: a throw after the body is answered with 500', async (t) => {
    const harness = await startServer(t, { handlers: { onRequest: boom } });
    const response = await fetch(harness.origin, { method: 'POST', body: 'abc' });
    assert.equal(response.status, 500);
  });

  test('handler: a rejection is answered with 500 and reported', async (t) => {
    const harness = await startServer(t, {
      handlers: {
        onRequest: async ({ path }) => {
          await Promise.resolve();
          return isAlivePath(path) ? fine : boom();
        },
      },
    });
    const response = await fetch(`${harness.origin}/x`);
    assert.equal(response.status, 500);
    assert.deepEqual(harness.errors.map(String), ['Error: boom']);
    await assertAlive(harness);
  });

  test('onHeaders: a throw is answered with 500', async (t) => {
    const harness = await startServer(t, {
      handlers: { onHeaders: ({ path }) => (isAlivePath(path) ? undefined : boom()) },
    });
    assert.equal((await fetch(`${harness.origin}/x`)).status, 500);
    await assertAlive(harness);
  });

  test('onError: a throw of the reporter itself reaches nobody', async (t) => {
    const harness = await startServer(t, { handlers: { onRequest: boom }, onError: boom });
    assert.equal((await fetch(harness.origin)).status, 500);
    assert.equal(harness.server.counters.handlerErrors, 2);
  });

  test('handler: one that never answers is answered with 503 by the clock', async (t) => {
    const harness = await startServer(t, {
      limits: { requestTimeoutMs: 100 },
      handlers: {
        onRequest: ({ path }) => (isAlivePath(path) ? fine : new Promise<HttpResponse>(() => {})),
      },
    });
    const response = await fetch(`${harness.origin}/x`);
    assert.equal(response.status, 503);
    assert.equal(response.headers.get('x-ms-error-code'), 'handler-timed-out');
    assert.equal(harness.server.counters.timedOutRequests, 1);
    await assertAlive(harness);
  });

  test('handler: an answer after the time ran out goes nowhere', async (t) => {
    let finish: (response: HttpResponse) => void = boom;
    const harness = await startServer(t, {
      limits: { requestTimeoutMs: 100 },
      handlers: {
        onRequest: ({ path }) =>
          isAlivePath(path)
            ? fine
            : new Promise<HttpResponse>((resolve) => {
                finish = resolve;
              }),
      },
    });
    assert.equal((await fetch(`${harness.origin}/x`)).status, 503);
    finish({ status: 200 });
    await assertAlive(harness);
    assert.deepEqual(harness.errors, []);
  });

  test('body: one that never completes is answered with 408 and the connection closed', async (t) => {
    const harness = await startServer(t, { limits: { requestTimeoutMs: 100 } });
    const raw = await RawClient.open(t, harness.port);
    raw.write('POST /x HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\nonly this');
    await raw.untilText('HTTP/1.1 408 Request Timeout');
    await raw.untilClosed();
    assert.match(raw.text, /x-ms-error-code: request-timed-out/);
    await assertAlive(harness);
  });

  test('client: leaving during the body is noticed, the handler never runs', async (t) => {
    let handled = 0;
    let headersSeen = 0;
    const harness = await startServer(t, {
      handlers: {
        onHeaders: () => {
          headersSeen += 1;
          return undefined;
        },
        onRequest: ({ path }) => {
          if (!isAlivePath(path)) handled += 1;
          return fine;
        },
      },
    });
    const raw = await RawClient.open(t, harness.port);
    raw.write('POST /x HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\npart');
    await until(() => headersSeen === 1, 'the request began');
    raw.reset();
    await until(() => harness.server.counters.abortedRequests === 1, 'the abort is noticed');
    await assertAlive(harness);
    assert.equal(handled, 0);
  });

  for (const [how, outcome] of [
    ['answers', () => Promise.resolve(fine)],
    ['rejects', () => Promise.reject(new Error('late'))],
  ] as const) {
    test(`client: leaving before the handler ${how} is noticed and harmless`, async (t) => {
      let release: () => void = boom;
      let isWaiting = false;
      const gate = new Promise<void>((resolve) => {
        release = resolve;
      });
      const harness = await startServer(t, {
        handlers: {
          onRequest: async ({ path }) => {
            if (isAlivePath(path)) return fine;
            isWaiting = true;
            await gate;
            return outcome();
          },
        },
      });
      const raw = await RawClient.open(t, harness.port);
      raw.write(requestText('GET /x'));
      await until(() => isWaiting, 'the handler runs');
      raw.reset();
      await until(() => harness.server.counters.abortedRequests === 1, 'the abort is noticed');
      release();
      await assertAlive(harness);
      assert.equal(harness.errors.length, how === 'rejects' ? 1 : 0);
    });
  }

  test('server: closing it while a handler works does no harm', async (t) => {
    let release: () => void = boom;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    let isWaiting = false;
    const harness = await startServer(t, {
      handlers: {
        onRequest: async () => {
          isWaiting = true;
          await gate;
          return fine;
        },
      },
    });
    const answer = fetch(harness.origin).catch((error: unknown) => error);
    await until(() => isWaiting, 'the handler runs');
    harness.server.close();
    release();
    assert.ok((await answer) instanceof TypeError);
    assert.equal(harness.server.counters.abortedRequests, 1);
  });
});
