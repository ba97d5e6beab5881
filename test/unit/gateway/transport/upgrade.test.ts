/** Upgrades: who decides, what the client hears, and what happens when either side gives up. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { HttpRequest, UpgradeDecision } from '../../../../gateway/transport/transport.ts';
import {
  firstSocket,
  openClient,
  RawClient,
  RecordingHandler,
  requestText,
  startServer,
  until,
  UpgradeRefused,
  upgradeText,
} from '../../../support/transport-harness.ts';

function boom(): never {
  throw new Error('boom');
}

function isRefusal(status: number): (error: unknown) => boolean {
  return (error) => error instanceof UpgradeRefused && error.status === status;
}

describe('upgrade: decisions', () => {
  test('upgrade: the decision sees the raw request and its subprotocol alone is echoed', async (t) => {
    let seen: HttpRequest | undefined;
    const { port } = await startServer(t, {
      handlers: {
        onUpgrade: (request) => {
          seen = request;
          return { accept: new RecordingHandler(), subprotocol: 'second' };
        },
      },
    });
    const client = await openClient(t, port, {
      path: '/client/hubs/a%2Fb?access_token=x%2B',
      protocols: ['first', 'second'],
    });
    assert.equal(client.ws.protocol, 'second');
    assert.equal(seen?.path, '/client/hubs/a%2Fb');
    assert.equal(seen.query, 'access_token=x%2B');
    assert.equal(seen.headers.get('sec-websocket-protocol'), 'first,second');
    assert.equal(seen.remoteAddress, '127.0.0.1');
  });

  test('upgrade: without a subprotocol in the decision none is echoed', async (t) => {
    const { port } = await startServer(t);
    const raw = await RawClient.open(t, port);
    raw.write(
      requestText('GET /client', undefined, [
        'Connection: Upgrade',
        'Upgrade: websocket',
        'Sec-WebSocket-Version: 13',
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
        'Sec-WebSocket-Protocol: offered',
        'Sec-WebSocket-Extensions: permessage-deflate',
      ]),
    );
    await raw.untilText('\r\n\r\n');
    assert.match(raw.text, /^HTTP\/1\.1 101 Switching Protocols\r\n/);
    assert.match(raw.text, /sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/i);
    assert.doesNotMatch(raw.text, /sec-websocket-(protocol|extensions)|uwebsockets/i);
  });

  test('upgrade: an asynchronous decision is honoured', async (t) => {
    const handler = new RecordingHandler();
    const { port, server } = await startServer(t, {
      handlers: {
        onUpgrade: async () => {
          await new Promise((resolve) => setImmediate(resolve));
          return { accept: handler, subprotocol: 'p' };
        },
      },
    });
    const client = await openClient(t, port, { protocols: ['p'] });
    assert.equal(client.ws.protocol, 'p');
    handler.socket.send({ bytes: Buffer.from('hello'), isBinary: false });
    await until(() => client.messages.length === 1, 'the frame arrives');
    assert.equal(server.counters.upgradesAccepted, 1);
  });

  test('upgrade: a rejection is an ordinary answer', async (t) => {
    const harness = await startServer(t, {
      handlers: {
        onUpgrade: () => ({
          reject: { status: 401, headers: { 'www-authenticate': 'Bearer' }, body: 'no token' },
        }),
      },
    });
    const raw = await RawClient.open(t, harness.port);
    raw.write(upgradeText('/client'));
    await raw.untilText('no token');
    assert.match(raw.text, /^HTTP\/1\.1 401 Unauthorized\r\nwww-authenticate: Bearer\r\n/);
    assert.equal(harness.server.counters.upgradesRejectedByHandler, 1);
    assert.equal(harness.server.connections, 0);
  });

  for (const [how, onUpgrade] of [
    ['throw', boom],
    ['rejection', () => Promise.reject(new Error('boom'))],
  ] as const) {
    test(`upgrade: a ${how} of the handler is answered with 500`, async (t) => {
      const harness = await startServer(t, { handlers: { onUpgrade } });
      await assert.rejects(openClient(t, harness.port), isRefusal(500));
      assert.deepEqual(harness.errors.map(String), ['Error: boom']);
      assert.equal(harness.server.connections, 0);
    });
  }

  test('upgrade: a throw of isWebSocketPath is answered with 500', async (t) => {
    const harness = await startServer(t, { handlers: { isWebSocketPath: boom } });
    await assert.rejects(openClient(t, harness.port), isRefusal(500));
    assert.equal(harness.errors.length, 1);
  });

  test('upgrade: elsewhere than on a WebSocket path it is an ordinary request', async (t) => {
    const { port, sockets } = await startServer(t);
    const raw = await RawClient.open(t, port);
    raw.write(upgradeText('/elsewhere'));
    await raw.untilText('GET /elsewhere');
    assert.match(raw.text, /^HTTP\/1\.1 200 OK\r\n/);
    assert.equal(sockets.length, 0);
  });

  test('upgrade: a plain GET of a WebSocket path is an ordinary request', async (t) => {
    const { origin, sockets } = await startServer(t);
    assert.equal(await (await fetch(`${origin}/client`)).text(), 'GET /client');
    assert.equal(sockets.length, 0);
  });

  test('upgrade: another version of the protocol is answered with 426 and ours', async (t) => {
    const { port, server } = await startServer(t);
    const raw = await RawClient.open(t, port);
    raw.write(upgradeText('/client').replace('Version: 13', 'Version: 8'));
    await raw.untilText('HTTP/1.1 426 Upgrade Required');
    assert.match(raw.text, /sec-websocket-version: 13\r\n/);
    assert.equal(server.connections, 0);
  });
});

describe('upgrade: giving up', () => {
  test('client: leaving while the decision is pending drops the handler unopened', async (t) => {
    let release: (decision: UpgradeDecision) => void = boom;
    let isAsked = false;
    const harness = await startServer(t, {
      handlers: {
        onUpgrade: () => {
          isAsked = true;
          return new Promise<UpgradeDecision>((resolve) => {
            release = resolve;
          });
        },
      },
    });
    const raw = await RawClient.open(t, harness.port);
    raw.write(upgradeText('/client'));
    await until(() => isAsked, 'the handler is asked');
    assert.equal(harness.server.connections, 1);
    raw.reset();
    await until(() => harness.server.counters.abortedRequests === 1, 'the abort is noticed');
    assert.equal(harness.server.connections, 0);
    const handler = new RecordingHandler();
    release({ accept: handler, subprotocol: undefined });
    assert.equal((await fetch(harness.origin)).status, 200);
    assert.deepEqual(handler.events, []);
    assert.deepEqual(harness.errors, []);
    assert.equal(harness.server.connections, 0);
  });

  test('decision: one that never comes is answered with 503 and Retry-After', async (t) => {
    const harness = await startServer(t, {
      limits: { requestTimeoutMs: 100 },
      handlers: { onUpgrade: () => new Promise<UpgradeDecision>(() => {}) },
    });
    const refused = await openClient(t, harness.port).catch((error: unknown) => error);
    assert.ok(refused instanceof UpgradeRefused);
    assert.equal(refused.status, 503);
    assert.equal(refused.retryAfter, '1');
    assert.equal(harness.server.connections, 0);
  });
});

describe('upgrade: admission', () => {
  test('admission: beyond connectionsMax 503 comes before the handler is asked', async (t) => {
    let asked = 0;
    const harness = await startServer(t, {
      limits: { connectionsMax: 2 },
      handlers: {
        onUpgrade: () => {
          asked += 1;
          return { accept: new RecordingHandler(), subprotocol: undefined };
        },
      },
    });
    const first = await openClient(t, harness.port);
    await openClient(t, harness.port);
    const refused = await openClient(t, harness.port).catch((error: unknown) => error);
    assert.ok(refused instanceof UpgradeRefused);
    assert.equal(refused.status, 503);
    assert.equal(refused.retryAfter, '5');
    assert.equal(asked, 2);
    assert.equal(harness.server.counters.upgradesRejectedConnections, 1);
    first.ws.close();
    await until(() => harness.server.connections === 1, 'the place is free again');
    await openClient(t, harness.port);
  });

  test('admission: beyond the rate 503 with Retry-After, later it works again', async (t) => {
    let now = 1000;
    const harness = await startServer(t, {
      limits: { upgradesPerSecondMax: 2 },
      clock: () => now,
    });
    await openClient(t, harness.port);
    await openClient(t, harness.port);
    const refused = await openClient(t, harness.port).catch((error: unknown) => error);
    assert.ok(refused instanceof UpgradeRefused);
    assert.equal(refused.status, 503);
    assert.equal(refused.retryAfter, '1');
    assert.equal(harness.server.counters.upgradesRejectedRate, 1);
    now += 499;
    await assert.rejects(openClient(t, harness.port), isRefusal(503));
    now += 1;
    await openClient(t, harness.port);
    assert.equal((await firstSocket(harness)).events[0], 'open');
  });

  test('admission: with too few descriptors free 503, plain requests still work', async (t) => {
    let open = 100;
    let now = 0;
    const harness = await startServer(t, {
      limits: { fileDescriptorsReserved: 40 },
      descriptors: { limit: 150, count: () => Promise.resolve(open) },
      clock: () => now,
    });
    await openClient(t, harness.port);
    open = 120;
    now += 2000;
    assert.equal((await fetch(harness.origin)).status, 200);
    await assert.rejects(openClient(t, harness.port), isRefusal(503));
    assert.equal(harness.server.counters.upgradesRejectedDescriptors, 1);
    assert.equal((await fetch(harness.origin)).status, 200);
    open = 100;
    now += 2000;
    assert.equal((await fetch(harness.origin)).status, 200);
    await openClient(t, harness.port);
  });

  test('admission: with hardly a descriptor left a connection is closed at once', async (t) => {
    const harness = await startServer(t, {
      limits: { fileDescriptorsReserved: 40 },
      descriptors: { limit: 150, count: () => Promise.reject(new Error('EMFILE')) },
    });
    const raw = await RawClient.open(t, harness.port);
    await raw.untilClosed();
    assert.equal(harness.server.counters.connectionsRefused, 1);
  });
});
