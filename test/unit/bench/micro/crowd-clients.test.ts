/** Several load generators at once: all connected before any goes on, and failures are told. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import { WebSocketServer } from 'ws';
import { connectAll } from '../../../../bench/micro/crowd-clients.ts';
import { findCompiler } from '../../../../bench/micro/generator.ts';

const skip = reasonToSkip();

function reasonToSkip(): string | false {
  if (process.platform !== 'linux') return 'the load generator uses epoll, which only Linux has';
  return findCompiler() === undefined && 'no C compiler answers: install gcc and libc6-dev';
}

async function startServer(context: TestContext, onAddress: (address: string) => void) {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
  server.on('connection', (_socket, request) => onAddress(request.socket.remoteAddress ?? ''));
  context.after(() => {
    for (const socket of server.clients) socket.terminate();
    server.close();
  });
  await once(server, 'listening');
  // A server that listens on a port has such an address.
  const { port } = server.address() as AddressInfo;
  return { server, port };
}

describe('crowd clients', { skip }, () => {
  test('two generators: all are connected, from addresses of their own, until told to go on', async (context) => {
    const addresses = new Set<string>();
    const { port, server } = await startServer(context, (address) => addresses.add(address));
    const options = { port, connections: 5, sampled: 0, limit: 30 };
    const waiting = await connectAll([
      { ...options, firstSource: 1 },
      { ...options, firstSource: 7 },
    ]);
    assert.deepEqual([...addresses].toSorted(), ['127.0.0.1', '127.0.0.7']);
    assert.equal(server.clients.size, 10);
    const results = await Promise.all(waiting.map((generator) => generator.goOn()));
    assert.deepEqual(
      results.map(({ failed, ready }) => [ready, failed]),
      [
        [5, 0],
        [5, 0],
      ],
    );
  });

  test('a server that is not there: a failure with the reason', async (context) => {
    const { port, server } = await startServer(context, () => undefined);
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
    });
    await assert.rejects(connectAll([{ port, connections: 2, limit: 30 }]), /2 connections failed/);
  });
});
