/** Request bodies: whole, bounded, and refused early without hurting the connection. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RawClient, requestText, startServer, until } from '../../../support/transport-harness.ts';

const bodyBytesMax = 2048;
const echo = {
  onRequest: ({ body }: { readonly body: Uint8Array }) => ({ status: 200, body }),
} as const;

describe('http: bodies', () => {
  test('body: arrives whole when its chunks come one by one', async (t) => {
    const { port } = await startServer(t, { limits: { bodyBytesMax }, handlers: echo });
    const raw = await RawClient.open(t, port);
    raw.write('POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n');
    raw.write('5\r\nabcde\r\n');
    await until(() => !raw.isClosed, 'the connection is still there');
    raw.write('3\r\nfgh\r\n');
    raw.write('0\r\n\r\n');
    await raw.untilText('abcdefgh');
  });

  test('body: a chunked upload without Content-Length reaches the handler', async (t) => {
    const { origin } = await startServer(t, { limits: { bodyBytesMax }, handlers: echo });
    const parts = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(Buffer.from('one '));
        controller.enqueue(Buffer.from('two'));
        controller.close();
      },
    });
    const init = { method: 'POST', body: parts, duplex: 'half' } as const;
    assert.equal(await (await fetch(origin, init)).text(), 'one two');
  });

  test('body: is a copy that stays valid after an await', async (t) => {
    const { origin } = await startServer(t, {
      handlers: {
        onRequest: async ({ body }) => {
          await new Promise((resolve) => setImmediate(resolve));
          return { status: 200, body };
        },
      },
    });
    const sent = 'x'.repeat(200_000);
    const response = await fetch(origin, { method: 'POST', body: sent });
    assert.equal(await response.text(), sent);
  });

  test('body: exactly the bound is accepted', async (t) => {
    const { origin } = await startServer(t, { limits: { bodyBytesMax }, handlers: echo });
    const response = await fetch(origin, { method: 'POST', body: 'a'.repeat(bodyBytesMax) });
    assert.equal(response.status, 200);
    assert.equal((await response.arrayBuffer()).byteLength, bodyBytesMax);
  });

  test('body: one byte more is refused by its declared length, the next request works', async (t) => {
    const { port } = await startServer(t, { limits: { bodyBytesMax }, handlers: echo });
    const raw = await RawClient.open(t, port);
    raw.write(requestText('POST /', 'a'.repeat(bodyBytesMax + 1)) + requestText('POST /', 'next'));
    await raw.untilText('\r\n\r\nnext');
    assert.match(raw.text, /^HTTP\/1\.1 400 Bad Request\r\n/);
    assert.match(raw.text, /x-ms-error-code: body-too-large\r\n/);
    assert.match(raw.text, /\{"code":"body-too-large","message":"[^"]*2048 bytes[^"]*"\}/);
  });

  test('body: chunks beyond the bound are refused and the connection closed', async (t) => {
    let handled = 0;
    const { port } = await startServer(t, {
      limits: { bodyBytesMax },
      handlers: {
        onRequest: () => {
          handled += 1;
          return { status: 200 };
        },
      },
    });
    const raw = await RawClient.open(t, port);
    raw.write('POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n');
    raw.write(`800\r\n${'a'.repeat(0x800)}\r\n`);
    raw.write('1\r\na\r\n');
    await raw.untilText('"code":"body-too-large"');
    await raw.untilClosed();
    assert.equal(handled, 0);
  });

  test('body: a length far beyond the bound closes the connection with the answer', async (t) => {
    const { port } = await startServer(t, { limits: { bodyBytesMax } });
    const raw = await RawClient.open(t, port);
    raw.write('POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 99999999999\r\n\r\n');
    await raw.untilText('"code":"body-too-large"');
    await raw.untilClosed();
  });

  test('onHeaders: its refusal spares the body, the next request works', async (t) => {
    const { port } = await startServer(t, {
      handlers: {
        onHeaders: ({ path }) => (path === '/no' ? { status: 401, body: 'no' } : undefined),
      },
    });
    const raw = await RawClient.open(t, port);
    raw.write('POST /no HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\n');
    await raw.untilText('401 Unauthorized');
    raw.write('0123456789');
    raw.write(requestText('GET /yes'));
    await raw.untilText('GET /yes');
  });

  test('onHeaders: sees Content-Length before any byte of the body came', async (t) => {
    const { port } = await startServer(t, {
      handlers: {
        onHeaders: ({ headers }) => ({
          status: 400,
          body: `declared ${headers.get('content-length')}`,
        }),
      },
    });
    const raw = await RawClient.open(t, port);
    raw.write('POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 77\r\n\r\n');
    await raw.untilText('declared 77');
  });

  test('headers: beyond the bound the parser answers 431', async (t) => {
    const { port } = await startServer(t);
    const raw = await RawClient.open(t, port);
    raw.write(requestText('GET /', undefined, [`X-Long: ${'a'.repeat(60_000)}`]));
    await raw.untilText('HTTP/1.1 431 ');
    await raw.untilClosed();
  });

  test('headers: 28 KiB pass under the default bound of 32 KiB', async (t) => {
    const { origin } = await startServer(t, {
      handlers: {
        onRequest: ({ headers }) => ({ status: 200, body: String(headers.get('x-long')?.length) }),
      },
    });
    const response = await fetch(origin, { headers: { 'x-long': 'a'.repeat(28 * 1024) } });
    assert.equal(await response.text(), String(28 * 1024));
  });
});
