/** The life of a socket: frames, congestion, the end from either side, and every fault between. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Frame } from '../../../../gateway/protocol/codec.ts';
import type { Socket, SocketHandler } from '../../../../gateway/transport/transport.ts';
import { cutReason } from '../../../../gateway/transport/uws-socket.ts';
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

describe('socket: frames', () => {
  test('frames: text and binary pass both ways as what they are', async (t) => {
    const harness = await startServer(t);
    const client = await openClient(t, harness.port);
    client.ws.send('ünï');
    client.ws.send(new Uint8Array([0, 255]));
    const handler = await firstSocket(harness);
    await until(() => handler.frames.length === 2, 'both frames arrived');
    assert.equal(handler.frames[0]?.bytes.toString(), 'ünï');
    assert.equal(handler.frames[0].isBinary, false);
    assert.deepEqual([...(handler.frames[1]?.bytes ?? [])], [0, 255]);
    assert.equal(handler.frames[1]?.isBinary, true);
    assert.equal(handler.socket.send(text('a')), 'sent');
    assert.equal(
      handler.socket.write([text('b'), { bytes: new Uint8Array([1]), isBinary: true }]),
      0,
    );
    await until(() => client.messages.length === 3, 'all frames arrived');
    assert.deepEqual(
      client.messages.map(({ data, isBinary }) => [...data, isBinary]),
      [
        [97, false],
        [98, false],
        [1, true],
      ],
    );
    const { counters } = harness.server;
    assert.equal(counters.textFramesIn, 1);
    assert.equal(counters.textBytesIn, 5);
    assert.equal(counters.binaryFramesIn, 1);
    assert.equal(counters.framesOut, 3);
    assert.equal(counters.bytesOut, 3);
    assert.equal(counters.writes, 2);
  });

  test('frames: a view into a larger buffer sends only its part', async (t) => {
    const harness = await startServer(t);
    const client = await openClient(t, harness.port);
    const { socket } = await firstSocket(harness);
    const whole = Buffer.from('before-part-after');
    socket.write([{ bytes: whole.subarray(7, 11), isBinary: false }]);
    await until(() => client.messages.length === 1, 'the frame arrived');
    assert.equal(client.messages[0]?.data.toString(), 'part');
  });

  test('frames: frameBytesMax exactly is a frame, one byte more is oversize', async (t) => {
    const harness = await startServer(t, { limits: { frameBytesMax: 1024 } });
    const client = await openClient(t, harness.port);
    client.ws.send(Buffer.alloc(1024));
    client.ws.send(Buffer.alloc(1025));
    client.ws.send(Buffer.alloc(2048));
    const handler = await firstSocket(harness);
    await until(() => handler.events.length === 4, 'all frames arrived');
    assert.deepEqual(handler.events, ['open', 'frame', 'oversize 1025', 'oversize 2048']);
    assert.equal(harness.server.counters.oversizeFrames, 2);
  });

  test('frames: an oversize one can be answered and closed with 1009 and a reason', async (t) => {
    const harness = await startServer(t, {
      limits: { frameBytesMax: 1024 },
      hooks: {
        onOversize: (bytes) => {
          const { socket } = harness.sockets[0] ?? assert.fail('no socket');
          socket.send(text(`too big: ${bytes}`));
          socket.end(1009, 'At most 1024 bytes.');
        },
      },
    });
    const client = await openClient(t, harness.port);
    client.ws.send(Buffer.alloc(1500));
    assert.deepEqual(await client.closed, { code: 1009, reason: 'At most 1024 bytes.' });
    assert.equal(client.messages[0]?.data.toString(), 'too big: 1500');
  });

  test('frames: far beyond the bound the client sees 1006 and the handler a close', async (t) => {
    const harness = await startServer(t, { limits: { frameBytesMax: 1024 } });
    const client = await openClient(t, harness.port);
    client.ws.send(Buffer.alloc(10_000));
    assert.equal((await client.closed).code, 1006);
    const handler = await firstSocket(harness);
    await until(() => handler.closes.length === 1, 'the close is told');
    assert.equal(handler.closes[0]?.code, 1006);
    assert.deepEqual(handler.events, ['open', 'close']);
  });
});

describe('socket: congestion', () => {
  const chunk: Frame = { bytes: Buffer.alloc(64 * 1024), isBinary: true };

  test('write: tells what the kernel did not take, and drain follows', async (t) => {
    const harness = await startServer(t, { limits: { sendBufferBytesMax: 8 * 1024 * 1024 } });
    const client = await openClient(t, harness.port);
    const handler = await firstSocket(harness);
    client.ws.pause();
    let written = 0;
    let buffered = 0;
    while (buffered === 0 && written < 1000) {
      buffered = handler.socket.write([chunk]);
      written += 1;
    }
    assert.ok(buffered > 0, `congested, but write returned ${buffered}`);
    assert.equal(handler.socket.bufferedBytes(), buffered);
    assert.equal(handler.socket.send(chunk), 'buffered');
    client.ws.resume();
    await until(() => client.messages.length === written + 1, 'everything arrived');
    assert.ok(handler.events.includes('drain'));
    assert.equal(handler.socket.bufferedBytes(), 0);
    assert.equal(handler.socket.isOpen, true);
  });

  for (const how of ['write', 'send'] as const) {
    test(`${how}: beyond the send buffer the socket is cut, told once, after the call`, async (t) => {
      const harness = await startServer(t, { limits: { sendBufferBytesMax: 256 * 1024 } });
      const client = await openClient(t, harness.port);
      const handler = await firstSocket(harness);
      client.ws.pause();
      let isRefused = false;
      for (let calls = 0; !isRefused && calls < 1000; calls += 1) {
        isRefused =
          how === 'send'
            ? handler.socket.send(chunk) === 'dropped'
            : handler.socket.write([chunk, chunk]) === -1;
      }
      assert.equal(isRefused, true);
      assert.equal(handler.socket.isOpen, false);
      assert.deepEqual(handler.closes, []);
      await until(() => handler.closes.length > 0, 'the close is told');
      assert.deepEqual(handler.closes, [{ code: 1006, reason: '' }]);
      assert.equal(harness.server.counters.droppedSends, 1);
      assert.equal(harness.server.connections, 0);
      client.ws.resume();
      assert.equal((await client.closed).code, 1006);
    });
  }
});

describe('socket: the end', () => {
  test('end: the client sees code and reason, onClose follows once after the call', async (t) => {
    const harness = await startServer(t);
    const client = await openClient(t, harness.port);
    const handler = await firstSocket(harness);
    handler.socket.end(4008, 'Read faster.');
    assert.equal(handler.socket.isOpen, false);
    assert.deepEqual(handler.closes, []);
    assert.deepEqual(await client.closed, { code: 4008, reason: 'Read faster.' });
    assert.deepEqual(handler.closes, [{ code: 4008, reason: 'Read faster.' }]);
  });

  test('end: what was written before arrives before the close', async (t) => {
    const harness = await startServer(t);
    const client = await openClient(t, harness.port);
    const { socket } = await firstSocket(harness);
    socket.write([text('last')]);
    socket.end(1000, '');
    assert.equal((await client.closed).code, 1000);
    assert.equal(client.messages[0]?.data.toString(), 'last');
  });

  test('end: a reason too long is cut at a whole character', async (t) => {
    const harness = await startServer(t);
    const client = await openClient(t, harness.port);
    (await firstSocket(harness)).socket.end(1008, 'é'.repeat(100));
    assert.deepEqual(await client.closed, { code: 1008, reason: 'é'.repeat(61) });
  });

  test('cutReason: a prefix of at most 123 bytes, as long as it may be', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), (reason) => {
        const cut = cutReason(reason);
        assert.ok(reason.startsWith(cut));
        assert.ok(Buffer.byteLength(cut) <= 123);
        const following = reason.codePointAt(cut.length);
        if (following === undefined) return;
        assert.ok(Buffer.byteLength(cut + String.fromCodePoint(following)) > 123);
      }),
    );
  });

  test('end: inside onOpen and inside onFrame works', async (t) => {
    const hooks: Partial<SocketHandler> = {
      onOpen: (socket) => {
        if (harness.sockets.length === 1) socket.end(1001, 'at open');
      },
      onFrame: () => {
        harness.sockets[1]?.socket.end(1000, 'at frame');
      },
    };
    const harness = await startServer(t, { hooks });
    const first = await openClient(t, harness.port);
    assert.deepEqual(await first.closed, { code: 1001, reason: 'at open' });
    const second = await openClient(t, harness.port);
    second.ws.send('go');
    assert.deepEqual(await second.closed, { code: 1000, reason: 'at frame' });
    assert.deepEqual(harness.sockets[0]?.events, ['open', 'close']);
    assert.deepEqual(harness.sockets[1]?.events, ['open', 'frame', 'close']);
    assert.equal(harness.server.connections, 0);
  });

  for (const hook of ['onOpen', 'onFrame', 'onOversize'] as const) {
    test(`cut: inside ${hook} works`, async (t) => {
      let opened: Socket | undefined;
      const harness = await startServer(t, {
        limits: { frameBytesMax: 1024 },
        hooks: {
          onOpen: (socket) => {
            opened = socket;
            socket.write([text('hello')]);
            if (hook === 'onOpen') socket.cut();
          },
          onFrame: () => opened?.cut(),
          onOversize: () => opened?.cut(),
        },
      });
      const client = await openClient(t, harness.port).catch(() => undefined);
      client?.ws.send(Buffer.alloc(hook === 'onOversize' ? 1500 : 1));
      await until(() => harness.sockets[0]?.closes.length === 1, 'the close is told');
      await client?.closed;
      assert.equal(harness.sockets[0]?.closes[0]?.code, 1006);
      assert.equal(harness.server.connections, 0);
      assert.deepEqual(harness.errors, []);
    });
  }

  test('end: a peer that never completes the close is cut', async (t) => {
    const harness = await startServer(t, { limits: { idleTimeoutSeconds: 8 } });
    const raw = await RawClient.open(t, harness.port, { allowHalfOpen: true });
    raw.write(upgradeText('/client'));
    await raw.untilText('101 Switching');
    const handler = await firstSocket(harness);
    handler.socket.end(1000, 'bye');
    await raw.untilText('bye');
    // It goes on talking, which is also how it notices that nobody is there any more.
    await until(() => {
      raw.write(clientFrame(1, Buffer.from('more')));
      return raw.isClosed;
    }, 'the connection is cut');
    assert.deepEqual(handler.closes, [{ code: 1000, reason: 'bye' }]);
  });

  test('cut: the client sees 1006 at once, onClose follows once after the call', async (t) => {
    const harness = await startServer(t);
    const client = await openClient(t, harness.port);
    const handler = await firstSocket(harness);
    handler.socket.cut();
    assert.equal(handler.socket.isOpen, false);
    assert.deepEqual(handler.closes, []);
    assert.equal((await client.closed).code, 1006);
    assert.deepEqual(handler.closes, [{ code: 1006, reason: '' }]);
  });

  test('close: code and reason of the client are told', async (t) => {
    const harness = await startServer(t);
    const client = await openClient(t, harness.port);
    client.ws.close(4001, 'bye');
    await client.closed;
    const handler = await firstSocket(harness);
    await until(() => handler.closes.length === 1, 'the close is told');
    assert.deepEqual(handler.closes, [{ code: 4001, reason: 'bye' }]);
  });

  test('close: without a code it is 1005, without a close frame 1006', async (t) => {
    const harness = await startServer(t);
    const polite = await openClient(t, harness.port);
    polite.ws.close();
    const rude = await openClient(t, harness.port);
    rude.ws.terminate();
    await until(
      () => harness.sockets.length === 2 && harness.sockets.every((each) => each.closes.length > 0),
      'both closes are told',
    );
    assert.deepEqual(
      harness.sockets.map((each) => each.closes.map(({ code }) => code)),
      [[1005], [1006]],
    );
  });

  for (const [how, finish] of [
    ['the client closed', undefined],
    ['end', (socket: Socket) => socket.end(1000, '')],
    ['cut', (socket: Socket) => socket.cut()],
  ] as const) {
    test(`socket: after ${how} every method does nothing`, async (t) => {
      const harness = await startServer(t);
      const client = await openClient(t, harness.port);
      const handler = await firstSocket(harness);
      const { socket } = handler;
      if (finish === undefined) client.ws.close();
      else finish(socket);
      const useAll = (): void => {
        assert.equal(socket.isOpen, false);
        assert.equal(socket.send(text('x')), 'dropped');
        assert.equal(socket.write([text('x')]), -1);
        assert.equal(socket.write([]), -1);
        assert.equal(socket.bufferedBytes(), 0);
        socket.end(1000, 'again');
        socket.cut();
      };
      if (finish !== undefined) useAll();
      await until(() => handler.closes.length === 1, 'the close is told');
      useAll();
      await client.closed;
      useAll();
      assert.equal(handler.closes.length, 1);
      assert.deepEqual(harness.errors, []);
      assert.equal(harness.server.counters.framesOut, 0);
    });
  }

  test('socket: inside onClose every method does nothing', async (t) => {
    const outcomes: unknown[] = [];
    const harness = await startServer(t, {
      hooks: {
        onClose: () => {
          const { socket } = harness.sockets[0] ?? assert.fail('no socket');
          outcomes.push(socket.isOpen, socket.send(text('x')), socket.write([text('x')]));
          socket.end(1000, '');
          socket.cut();
        },
      },
    });
    const client = await openClient(t, harness.port);
    client.ws.close();
    await until(() => outcomes.length === 3, 'the close is told');
    assert.deepEqual(outcomes, [false, 'dropped', -1]);
    assert.deepEqual(harness.errors, []);
  });
});
