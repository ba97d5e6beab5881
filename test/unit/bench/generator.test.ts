/** The load generator against servers whose counts are known: what it counts is what was sent. */
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import { describe, test } from 'node:test';
import { WebSocketServer, type WebSocket } from 'ws';
import {
  findCompiler,
  runGenerator,
  type GeneratorOptions,
} from '../../../bench/micro/generator.ts';
import { loadServer, withServer } from '../../../bench/micro/run-load.ts';
import { chooseTargets, type TargetName } from '../../../bench/micro/targets.ts';

const skip = reasonToSkip();

function reasonToSkip(): string | false {
  if (process.platform !== 'linux') return 'the load generator uses epoll, which only Linux has';
  return findCompiler() === undefined && 'no C compiler answers: install gcc and libc6-dev';
}

const short: GeneratorOptions = {
  rate: 200,
  publishers: 3,
  warmup: 0.1,
  duration: 0.5,
  sampled: 7,
  drain: 5,
  limit: 30,
};

/** Listens on a free port for one test. */
async function withHttpServer(http: Server, use: (port: number) => Promise<void>): Promise<void> {
  await new Promise<void>((resolve) => {
    http.listen(0, '127.0.0.1', resolve);
  });
  const address = http.address();
  assert.ok(typeof address === 'object' && address !== null);
  try {
    await use(address.port);
  } finally {
    http.closeAllConnections();
    await new Promise((resolve) => {
      http.close(resolve);
    });
  }
}

/** A WebSocket server for one test. */
async function withWebSocketServer(
  onConnection: (socket: WebSocket, path: string) => void,
  use: (port: number) => Promise<void>,
): Promise<void> {
  const http = createServer();
  const sockets = new WebSocketServer({ server: http, perMessageDeflate: false });
  sockets.on('connection', (socket, request) => {
    onConnection(socket, request.url ?? '');
  });
  try {
    await withHttpServer(http, use);
  } finally {
    sockets.close();
  }
}

describe('load generator', { skip }, () => {
  for (const name of [
    'topics',
    'topics-deferred',
    'socket.io',
    'ws',
  ] as const satisfies TargetName[]) {
    test(`${name}: every delivery is counted once`, async () => {
      const [target] = chooseTargets([name]);
      assert.ok(target !== undefined);
      await withServer(target, false, async (server) => {
        const clients = { connections: 40, groupSize: 40, join: true };
        const result = await loadServer(server, { target, clients, generator: short });
        assert.equal(result.sent, 120);
        assert.equal(result.expected, 120 * 40);
        assert.equal(result.delivered, result.expected);
        assert.equal(result.missing + result.duplicates + result.outOfOrder, 0);
        assert.equal(result.unstamped, 0);
        // Half a second at 200/s, each seen by the sampled ones.
        assert.equal(result.samplesUs.length, 100 * 7);
        assert.equal(result.failed + result.lost, 0);
      });
    });
  }

  test('lazy reading: every delivery is counted, too', async () => {
    const [target] = chooseTargets(['topics']);
    assert.ok(target !== undefined);
    await withServer(target, false, async (server) => {
      const clients = { connections: 40, groupSize: 40, join: true };
      const generator = { ...short, lazyMs: 20 };
      const result = await loadServer(server, { target, clients, generator });
      assert.equal(result.delivered, 120 * 40);
      assert.equal(result.missing, 0);
    });
  });

  test('groups of one: each connection gets what its partner sends, counted and checked', async () => {
    // A relay of users; the third user gets what was meant for the second, too.
    const users = new Map<string, WebSocket>();
    const onReceiver = (socket: WebSocket, path: string): void => {
      users.set(path, socket);
    };
    const onSender = (socket: WebSocket): void => {
      socket.on('message', (data: Buffer) => {
        const text = data.toString();
        const to = text.slice(0, text.indexOf(' '));
        users.get(to)?.send(text);
        if (to === '/user1') users.get('/user2')?.send(text);
      });
    };
    await withWebSocketServer(onReceiver, async (port) => {
      await withWebSocketServer(onSender, async (publisherPort) => {
        const result = await runGenerator({
          ...short,
          port,
          publisherPort,
          pid: [String(process.pid), String(process.pid)],
          grouped: true,
          groupSize: 1,
          connections: 3,
          publishers: 3,
          sampled: 3,
          path: '/user{i}',
          publisherPath: '/sender{i}',
          message: '/user{i} {payload}',
        });
        assert.equal(result.sent, 120);
        assert.equal(result.expected, 120);
        // It ends when all that was expected is there; some of the rest may still be on its way.
        assert.ok(result.misdelivered > 0 && result.misdelivered <= 40);
        assert.equal(result.delivered - result.misdelivered, 120);
        assert.equal(result.missing + result.duplicates + result.outOfOrder, 0);
        assert.equal(result.samplesUs.length, 100);
        assert.equal(result.cpuSecondsByPid.length, 2);
      });
    });
  });

  test('frames of all three length encodings, cut anywhere: counted by their headers', async () => {
    const sizes = [100, 125, 126, 127, 60_000, 65_535, 65_536, 70_000];
    const onConnection = (socket: WebSocket, path: string): void => {
      if (path === '/pub') {
        socket.on('message', (data) => {
          for (const client of readers) {
            for (const size of sizes) client.send('y'.repeat(size));
            client.send(data, { binary: false });
          }
        });
      } else {
        readers.add(socket);
      }
    };
    const readers = new Set<WebSocket>();
    await withWebSocketServer(onConnection, async (port) => {
      const result = await runGenerator({
        ...short,
        port,
        connections: 6,
        sampled: 2,
        publishers: 1,
        publisherPath: '/pub',
        rate: 20,
        drain: 1,
      });
      assert.equal(result.delivered, result.sent * 6 * (sizes.length + 1));
      assert.equal(result.missing, 0);
      assert.equal(result.unstamped, result.sent * 2 * sizes.length);
    });
  });

  test('repeats and inversions of a server: seen', async () => {
    const readers = new Set<WebSocket>();
    let held: string | undefined;
    const onConnection = (socket: WebSocket, path: string): void => {
      if (path !== '/pub') {
        readers.add(socket);
        return;
      }
      // Swaps the first two messages and repeats the third.
      let count = 0;
      socket.on('message', (data) => {
        assert.ok(Buffer.isBuffer(data));
        const text = data.toString();
        count++;
        if (count === 1) held = text;
        const texts = [[], [text, held ?? ''], [text, text]][count - 1] ?? [text];
        for (const client of readers) for (const one of texts) client.send(one);
      });
    };
    await withWebSocketServer(onConnection, async (port) => {
      const result = await runGenerator({
        ...short,
        port,
        connections: 3,
        sampled: 3,
        publishers: 1,
        publisherPath: '/pub',
        rate: 20,
      });
      assert.equal(result.outOfOrder, 3);
      assert.equal(result.duplicates, 3);
      assert.equal(result.missing, 0);
    });
  });

  test('a message that a server drops: missing', async () => {
    const readers = new Set<WebSocket>();
    const onConnection = (socket: WebSocket, path: string): void => {
      if (path !== '/pub') {
        readers.add(socket);
        return;
      }
      let count = 0;
      socket.on('message', (data) => {
        count++;
        if (count === 4) return;
        for (const client of readers) client.send(data, { binary: false });
      });
    };
    await withWebSocketServer(onConnection, async (port) => {
      const result = await runGenerator({
        ...short,
        port,
        connections: 3,
        sampled: 2,
        publishers: 1,
        publisherPath: '/pub',
        rate: 20,
        drain: 0.2,
      });
      assert.equal(result.missing, 2);
      assert.equal(result.delivered, result.expected - 3);
    });
  });

  test('stalled readers: get nothing read, the others everything', async () => {
    const [target] = chooseTargets(['topics']);
    assert.ok(target !== undefined);
    await withServer(target, false, async (server) => {
      const clients = { connections: 12, groupSize: 12, join: true };
      const generator = { ...short, stalled: 4, sampled: 3 };
      const result = await loadServer(server, { target, clients, generator });
      assert.equal(result.stalledReady, 4);
      assert.equal(result.delivered, result.sent * 8);
      assert.equal(result.expected, result.delivered);
    });
  });

  test('a server that closes: the code is counted, the run ends', async () => {
    const onConnection = (socket: WebSocket): void => {
      socket.close(4008, 'slow');
    };
    await withWebSocketServer(onConnection, async (port) => {
      const result = await runGenerator({ port, connections: 5, ready: 'never', limit: 20 });
      assert.equal(result.failed, 5);
      assert.deepEqual(result.closeCodes, { 4008: 5 });
      assert.match(result.firstFailure, /4008/);
    });
  });

  test('a server that refuses the upgrade: its answer is told', async () => {
    const http = createServer();
    http.on('upgrade', (_request, socket) => {
      socket.on('error', () => {
        // The generator resets what it is done with.
      });
      socket.end('HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n');
    });
    await withHttpServer(http, async (port) => {
      const result = await runGenerator({ port, connections: 2, limit: 20 });
      assert.equal(result.failed, 2);
      assert.match(result.firstFailure, /401 Unauthorized/);
    });
  });
});
