/** The load generator as a client of trunkline.v1.json, against a server whose counts are known. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { describe, test } from 'node:test';
import { WebSocketServer, type WebSocket } from 'ws';
import { findCompiler, runGenerator } from '../../../bench/micro/generator.ts';

const skip = reasonToSkip();

function reasonToSkip(): string | false {
  if (process.platform !== 'linux') return 'the load generator uses epoll, which only Linux has';
  return findCompiler() === undefined && 'no C compiler answers: install gcc and libc6-dev';
}

type OnMessage = (socket: WebSocket, text: string) => void;

/** A server on a free port for one test. */
async function withServer(
  onMessage: OnMessage,
  use: (port: number, sockets: ReadonlySet<WebSocket>) => Promise<void>,
): Promise<void> {
  const http = createServer();
  const server = new WebSocketServer({ server: http, perMessageDeflate: false });
  server.on('connection', (socket) => {
    socket.on('error', () => undefined);
    socket.send('{"type":"system","event":"connected"}');
    socket.on('message', (data: Buffer) => {
      onMessage(socket, data.toString());
    });
  });
  await new Promise<void>((resolve) => {
    http.listen(0, '127.0.0.1', resolve);
  });
  const address = http.address();
  assert.ok(typeof address === 'object' && address !== null);
  try {
    await use(address.port, server.clients);
  } finally {
    for (const socket of server.clients) socket.terminate();
    server.close();
    await new Promise((resolve) => {
      http.close(resolve);
    });
  }
}

/** Streams that forget nothing. */
class FakeStreams {
  readonly #groups = new Map<string, { texts: string[]; members: Set<WebSocket> }>();

  take(socket: WebSocket, text: string): void {
    const { type, group, since, data } = JSON.parse(text) as Record<string, string> & {
      since?: { offset: number };
    };
    const known = this.#groups.get(group ?? '') ?? { texts: [], members: new Set() };
    this.#groups.set(group ?? '', known);
    const { members, texts } = known;
    if (type === 'joinGroup') {
      const offset = since?.offset ?? texts.length;
      const position = { epoch: 'first', offset, tag: offset };
      const recovered = since === undefined ? undefined : true;
      socket.send(JSON.stringify({ type: 'ack', ackId: 1, success: true, position, recovered }));
      const missed = texts.slice(offset);
      if (missed.length > 0) socket.send(missed.join('\n'));
      members.add(socket);
      return;
    }
    const prev = texts.length;
    const offset = prev + 1;
    const message = { type: 'message', from: 'group', group, offset, prev, tag: offset, data };
    texts.push(JSON.stringify(message));
    for (const member of members) {
      if (member.readyState === member.OPEN) member.send(JSON.stringify(message));
    }
  }
}

describe('load generator of trunkline.v1', { skip }, () => {
  const shared = {
    pid: String(process.pid),
    init: ['{"type":"joinGroup","group":"g{d}","ackId":1}'],
    ready: '"success":true',
    publisherReady: '"event":"connected"',
    warmup: 0.1,
    duration: 0.4,
    rate: 100,
    limit: 30,
    packed: true,
  };

  test('packed: messages of one frame count one by one, signs of life do not', async () => {
    const onMessage: OnMessage = (socket, text) => {
      if (text.includes('joinGroup')) socket.send('{"success":true}');
      else publish(text);
    };
    let publish: (text: string) => void = () => undefined;
    await withServer(onMessage, async (port, sockets) => {
      let held: string[] = [];
      publish = (text) => {
        held.push(text);
        if (held.length < 2) return;
        for (const socket of sockets) {
          socket.send('{"type":"heartbeat"}');
          socket.send(held.join('\n'));
        }
        held = [];
      };
      const result = await runGenerator({
        ...shared,
        port,
        connections: 6,
        publishers: 1,
        sampled: 2,
        lazyMs: 10,
        drain: 5,
        message: '{"type":"sendToGroup","data":"{payload}"}',
      });
      assert.equal(result.sent, 50);
      assert.equal(result.delivered, 50 * 6);
      assert.equal(result.missing + result.unstamped + result.duplicates, 0);
      assert.ok(result.heartbeats > 0);
    });
  });

  test('storm: all are cut, come back where they stood, and get what they missed', async () => {
    const streams = new FakeStreams();
    const onMessage: OnMessage = (socket, text) => {
      streams.take(socket, text);
    };
    await withServer(onMessage, async (port) => {
      const result = await runGenerator({
        ...shared,
        port,
        grouped: true,
        groupSize: 10,
        connections: 20,
        sampled: 20,
        publishers: 2,
        message: '{"type":"sendToGroup","group":"g{i}","data":"{payload}"}',
        resume: '{"type":"joinGroup","group":"g{d}","since":{since},"ackId":2}',
        away: 0.3,
        awayMessages: 7,
        connectRate: 0,
        drain: 10,
      });
      assert.equal(result.sent, 50 + 2 * 7);
      assert.equal(result.caughtUp, 20);
      assert.equal(result.recovered, 20);
      assert.equal(result.missing + result.duplicates + result.outOfOrder + result.holes, 0);
      assert.equal(result.samplesUs.length, 20);
    });
  });

  test('throttled: the others get everything, and what they are told is counted', async () => {
    const onMessage: OnMessage = (socket, text) => {
      if (text.includes('joinGroup')) {
        socket.send('{"success":true}');
        socket.send('{"type":"gap","group":"g0","reason":"slow","dropped":5}');
        return;
      }
      publish(text);
    };
    let publish: (text: string) => void = () => undefined;
    await withServer(onMessage, async (port, sockets) => {
      publish = (text) => {
        for (const socket of sockets) socket.send(text);
      };
      const result = await runGenerator({
        ...shared,
        port,
        connections: 4,
        stalled: 1,
        throttle: 100,
        publishers: 1,
        payload: 1000,
        drain: 2,
        message: '{"type":"sendToGroup","data":"{payload}"}',
      });
      // For who is not throttled the notice is one more message.
      assert.equal(result.delivered, (50 + 1) * 3);
      assert.equal(result.missing, 0);
      assert.equal(result.gaps, 1);
      assert.equal(result.gapDropped, 5);
    });
  });
});
