/** Throwing handlers and hostile peers: one socket ends, everything else goes on. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Frame } from '../../../../gateway/protocol/codec.ts';
import {
  clientFrame,
  firstSocket,
  openClient,
  RawClient,
  startServer,
  until,
  upgradeText,
} from '../../../support/transport-harness.ts';

const text = (content: string): Frame => ({ bytes: Buffer.from(content), isBinary: false });

describe('socket: faults', () => {
  const boom = (): never => {
    throw new Error('boom');
  };

  for (const hook of ['onOpen', 'onFrame', 'onOversize'] as const) {
    test(`${hook}: a throw closes this socket with 1011 and no other`, async (t) => {
      const harness = await startServer(t, {
        limits: { frameBytesMax: 1024 },
        hooks: {
          [hook]: () => {
            if (harness.sockets.length === 2) boom();
          },
        },
      });
      const healthy = await openClient(t, harness.port);
      const broken = await openClient(t, harness.port);
      broken.ws.send(Buffer.alloc(hook === 'onOversize' ? 1500 : 1));
      assert.equal((await broken.closed).code, 1011);
      assert.deepEqual(harness.errors.map(String), ['Error: boom']);
      assert.equal(harness.server.counters.handlerErrors, 1);
      const [first, second] = harness.sockets;
      assert.deepEqual(
        second?.closes.map(({ code }) => code),
        [1011],
      );
      first?.socket.send(text('still here'));
      await until(() => healthy.messages.length === 1, 'the other socket works');
    });
  }

  test('onDrain: a throw closes the socket with 1011', async (t) => {
    const harness = await startServer(t, {
      limits: { sendBufferBytesMax: 8 * 1024 * 1024 },
      hooks: { onDrain: boom },
    });
    const client = await openClient(t, harness.port);
    const { socket } = await firstSocket(harness);
    client.ws.pause();
    const frames = [{ bytes: Buffer.alloc(256 * 1024), isBinary: true }];
    for (let calls = 0; calls < 1000 && socket.write(frames) === 0; calls += 1);
    client.ws.resume();
    assert.equal((await client.closed).code, 1011);
    assert.deepEqual(harness.errors.map(String), ['Error: boom']);
  });

  test('onClose: a throw is reported and reaches nobody', async (t) => {
    const harness = await startServer(t, { hooks: { onClose: boom } });
    const client = await openClient(t, harness.port);
    client.ws.close();
    await until(() => harness.errors.length === 1, 'the throw is reported');
    const other = await openClient(t, harness.port);
    await until(() => harness.sockets[1]?.events[0] === 'open', 'the second socket is open');
    harness.sockets[1]?.socket.end(1000, '');
    await other.closed;
    await until(() => harness.errors.length === 2, 'the deferred throw is reported too');
    assert.equal(harness.server.connections, 0);
  });

  test('pings: ten per second are answered, a flood is closed with 1008', async (t) => {
    let now = 0;
    const harness = await startServer(t, { clock: () => now });
    const client = await openClient(t, harness.port);
    let pongs = 0;
    client.ws.on('pong', () => (pongs += 1));
    for (let sent = 0; sent < 50; sent += 1) client.ws.ping();
    await until(() => pongs === 50, 'all pings are answered');
    now = 5000;
    for (let sent = 0; sent < 50; sent += 1) client.ws.ping();
    await until(() => pongs === 100, 'all pings of the next window are answered');
    client.ws.ping();
    const { code, reason } = await client.closed;
    assert.equal(code, 1008);
    assert.match(reason, /pings/);
    assert.equal(harness.server.counters.pingFloods, 1);
    assert.equal((await firstSocket(harness)).closes.length, 1);
  });

  test('pings: a flood with unread pongs is stopped', async (t) => {
    const harness = await startServer(t);
    const raw = await RawClient.open(t, harness.port);
    raw.write(upgradeText('/client'));
    await raw.untilText('101 Switching');
    raw.pause();
    const flood = Buffer.concat(
      Array.from({ length: 500 }, () => clientFrame(9, Buffer.alloc(125))),
    );
    raw.write(flood);
    await until(() => harness.server.connections === 0, 'the socket is closed');
    assert.equal(harness.server.counters.pingFloods, 1);
  });
});
