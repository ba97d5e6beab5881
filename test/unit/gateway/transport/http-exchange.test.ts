/** HTTP over real connections: what handlers see, what clients get, and that connections live on. */
import assert from 'node:assert/strict';
import { Agent, request as httpRequest } from 'node:http';
import { describe, test } from 'node:test';
import type { HttpRequestWithBody, HttpResponse } from '../../../../gateway/transport/transport.ts';
import { RawClient, requestText, startServer } from '../../../support/transport-harness.ts';

describe('http: requests', () => {
  test('request: path and query arrive raw, with percent-encoding untouched', async (t) => {
    const seen: HttpRequestWithBody[] = [];
    const { port } = await startServer(t, {
      handlers: {
        onRequest: (request) => {
          seen.push(request);
          return { status: 200 };
        },
      },
    });
    const raw = await RawClient.open(t, port);
    raw.write(requestText('GET /a%2Fb%20c/../d?x=%41&y=a+b&z'));
    await raw.untilText('200 OK');
    assert.equal(seen[0]?.path, '/a%2Fb%20c/../d');
    assert.equal(seen[0].query, 'x=%41&y=a+b&z');
    assert.equal(seen[0].method, 'GET');
    assert.equal(seen[0].remoteAddress, '127.0.0.1');
    assert.equal(seen[0].body.byteLength, 0);
  });

  test('request: without a question mark the query is empty', async (t) => {
    const { origin } = await startServer(t, {
      handlers: { onRequest: (request) => ({ status: 200, body: `[${request.query}]` }) },
    });
    assert.equal(await (await fetch(`${origin}/x`)).text(), '[]');
  });

  test('request: header names are lower case and repeated ones are joined', async (t) => {
    let headers: ReadonlyMap<string, string> = new Map();
    const { port } = await startServer(t, {
      handlers: {
        onRequest: async (request) => {
          await Promise.resolve();
          headers = request.headers;
          return { status: 200 };
        },
      },
    });
    const raw = await RawClient.open(t, port);
    raw.write(
      requestText('GET /', undefined, ['X-Thing: a', 'x-thing: b', 'Cookie: c=1', 'cookie: d=2']),
    );
    await raw.untilText('200 OK');
    assert.equal(headers.get('x-thing'), 'a, b');
    assert.equal(headers.get('cookie'), 'c=1; d=2');
    assert.equal(headers.get('host'), 'test');
  });

  test('request: an unknown method reaches the handler in upper case', async (t) => {
    const { port } = await startServer(t);
    const raw = await RawClient.open(t, port);
    raw.write(requestText('BREW /pot'));
    await raw.untilText('BREW /pot');
  });
});

describe('http: responses', () => {
  test('response: status line with reason, own headers, no product name', async (t) => {
    const { origin } = await startServer(t, {
      handlers: {
        onRequest: () => ({ status: 404, headers: { 'x-own': 'yes' }, body: 'nothing here' }),
      },
    });
    const response = await fetch(`${origin}/missing`);
    assert.equal(response.status, 404);
    assert.equal(response.statusText, 'Not Found');
    assert.equal(response.headers.get('x-own'), 'yes');
    assert.equal(response.headers.get('content-length'), '12');
    assert.equal(response.headers.get('uwebsockets'), null);
    assert.equal(response.headers.get('server'), null);
    assert.equal(await response.text(), 'nothing here');
  });

  test('response: bytes and text of UTF-8 arrive whole', async (t) => {
    const { origin } = await startServer(t, {
      handlers: {
        onRequest: async ({ path }) => {
          await Promise.resolve();
          return { status: 200, body: path === '/bytes' ? new Uint8Array([0, 255, 7]) : 'ünï💡' };
        },
      },
    });
    const bytes = await (await fetch(`${origin}/bytes`)).arrayBuffer();
    assert.deepEqual(new Uint8Array(bytes), new Uint8Array([0, 255, 7]));
    assert.equal(await (await fetch(`${origin}/text`)).text(), 'ünï💡');
  });

  const bodiless: readonly (readonly [string, HttpResponse, RegExp])[] = [
    [
      'HEAD',
      { status: 200, body: 'héllo' },
      /^HTTP\/1\.1 200 OK\r\n(.*\r\n)*content-length: 6\r\n/i,
    ],
    [
      'HEAD',
      { status: 200, headers: { 'Content-Length': '999' } },
      /^HTTP\/1\.1 200 OK\r\n(.*\r\n)*content-length: 999\r\n/i,
    ],
    ['HEAD', { status: 404 }, /^HTTP\/1\.1 404 Not Found\r\n(.*\r\n)*content-length: 0\r\n/i],
    ['GET', { status: 204 }, /^HTTP\/1\.1 204 No Content\r\n(?!(.*\r\n)*content-length)/i],
    ['DELETE', { status: 204, body: 'never sent' }, /^HTTP\/1\.1 204 No Content\r\n/],
    ['GET', { status: 304, headers: { etag: '"a"' } }, /^HTTP\/1\.1 304 Not Modified\r\netag/],
  ];
  for (const [method, response, head] of bodiless) {
    const given = JSON.stringify(response);
    test(`response: ${method} answered with ${given} has no body, the next follows`, async (t) => {
      const { port } = await startServer(t, {
        handlers: {
          onRequest: (request) =>
            request.path === '/next' ? { status: 200, body: 'the next one' } : response,
        },
      });
      const raw = await RawClient.open(t, port);
      raw.write(requestText(`${method} /first`) + requestText('GET /next'));
      await raw.untilText('the next one');
      const [first = ''] = raw.text.split('\r\n\r\n');
      assert.match(`${first}\r\n`, head);
      assert.equal(raw.text.slice(first.length + 4, first.length + 12), 'HTTP/1.1');
      assert.equal(raw.isClosed, false);
    });
  }

  test('response: a keep-alive client of Node.js goes on after HEAD and 204', async (t) => {
    const { port } = await startServer(t, {
      handlers: {
        onRequest: ({ method, path }) =>
          path === '/none' ? { status: 204 } : { status: 200, body: `body of ${method}` },
      },
    });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    t.after(() => {
      agent.destroy();
    });
    const sockets = new Set<unknown>();
    const call = (method: string, path: string): Promise<string> =>
      new Promise((resolve, reject) => {
        const outgoing = httpRequest(
          { agent, port, method, path, host: '127.0.0.1' },
          (incoming) => {
            let text = '';
            incoming.setEncoding('utf8');
            incoming.on('data', (part: string) => (text += part));
            incoming.on('end', () => {
              resolve(`${incoming.statusCode}:${text}`);
            });
          },
        );
        outgoing.on('socket', (socket) => sockets.add(socket));
        outgoing.on('error', reject);
        outgoing.end();
      });
    assert.equal(await call('HEAD', '/'), '200:');
    assert.equal(await call('GET', '/none'), '204:');
    assert.equal(await call('HEAD', '/none'), '204:');
    assert.equal(await call('GET', '/'), '200:body of GET');
    assert.equal(sockets.size, 1);
  });

  test('response: fetch reads HEAD, 204 and 304 without hanging', async (t) => {
    const { origin } = await startServer(t, {
      handlers: { onRequest: ({ path }) => ({ status: Number(path.slice(1)), body: 'x' }) },
    });
    const head = await fetch(`${origin}/200`, { method: 'HEAD' });
    assert.equal(head.headers.get('content-length'), '1');
    for (const status of [204, 304]) {
      const response = await fetch(`${origin}/${status}`);
      assert.equal(response.status, status);
      assert.equal(await response.text(), '');
    }
  });

  const unfit: readonly (readonly [string, HttpResponse])[] = [
    ['a header value with a line break', { status: 200, headers: { a: 'b\r\nSet-Cookie: c=d' } }],
    ['a header name with a colon', { status: 200, headers: { 'a:b': 'c' } }],
    ['status 101', { status: 101 }],
    ['status NaN', { status: Number.NaN }],
  ];
  for (const [what, response] of unfit) {
    test(`response: ${what} does not go out, 500 does`, async (t) => {
      const { origin, errors } = await startServer(t, {
        handlers: { onRequest: () => response },
      });
      const answer = await fetch(`${origin}/`);
      assert.equal(answer.status, 500);
      assert.equal(answer.headers.get('set-cookie'), null);
      assert.equal(errors.length, 1);
      assert.ok(errors[0] instanceof RangeError);
    });
  }

  test('response: a Content-Length of the handler cannot break the framing', async (t) => {
    const { origin } = await startServer(t, {
      handlers: {
        onRequest: () => ({
          status: 200,
          headers: { 'content-length': '1', 'transfer-encoding': 'chunked' },
          body: 'four',
        }),
      },
    });
    assert.equal(await (await fetch(`${origin}/`)).text(), 'four');
  });
});
