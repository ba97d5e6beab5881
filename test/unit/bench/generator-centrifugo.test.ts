/** The load generator as a client of Centrifugo: first frames with tokens, and empty pings. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import { WebSocketServer, type WebSocket } from 'ws';
import { writePaths } from '../../../bench/micro/gateway-target.ts';
import { findCompiler, runGenerator } from '../../../bench/micro/generator.ts';

const skip = reasonToSkip();

function reasonToSkip(): string | false {
  if (process.platform !== 'linux') return 'the load generator uses epoll, which only Linux has';
  return findCompiler() === undefined && 'no C compiler answers: install gcc and libc6-dev';
}

/** Talks as Centrifugo does; each publication comes in one frame with a ping before it. */
class FakeCentrifugo {
  readonly tokens: string[] = [];
  pongs = 0;
  readonly #server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
  readonly #members = new Set<WebSocket>();

  constructor(context: TestContext) {
    this.#server.on('connection', (socket) => {
      socket.on('message', (data: Buffer) => {
        for (const line of data.toString().split('\n')) this.#onCommand(socket, line);
      });
    });
    context.after(() => {
      for (const socket of this.#server.clients) socket.terminate();
      this.#server.close();
    });
  }

  async port(): Promise<number> {
    await once(this.#server, 'listening');
    // A server that listens on a port has such an address.
    return (this.#server.address() as AddressInfo).port;
  }

  #onCommand(socket: WebSocket, line: string): void {
    // The border to the generator, which sends commands of Centrifugo.
    const command = JSON.parse(line) as {
      id?: number;
      connect?: { token: string };
      subscribe?: unknown;
      publish?: { data: unknown };
    };
    if (command.id === undefined) this.pongs++;
    if (command.connect !== undefined) {
      this.tokens.push(command.connect.token);
      socket.send('{"id":1,"connect":{"client":"c"}}');
    }
    if (command.subscribe !== undefined) {
      this.#members.add(socket);
      socket.send('{"id":2,"subscribe":{}}');
    }
    if (command.publish === undefined) return;
    socket.send('{"id":3,"publish":{}}\n{}');
    const publication = { push: { channel: 'g0', pub: { data: command.publish.data } } };
    for (const member of this.#members) member.send(`{}\n${JSON.stringify(publication)}`);
  }
}

describe('load generator and Centrifugo', { skip }, () => {
  test('every connection has its token, each {} is answered, and no {} is a message', async (context) => {
    const server = new FakeCentrifugo(context);
    const tokensFile = writePaths('tokens-test', ['a', 'b', 'c', 'p']);
    context.after(() => rmSync(tokensFile, { force: true }));
    const result = await runGenerator({
      port: await server.port(),
      tokensFile,
      packed: true,
      emptyPing: true,
      connections: 3,
      groupSize: 3,
      publishers: 1,
      init: ['{"id":1,"connect":{"token":"{token}"}}\n{"id":2,"subscribe":{"channel":"g{d}"}}'],
      ready: '"subscribe":{',
      publisherInit: '{"id":1,"connect":{"token":"{token}"}}',
      publisherReady: '"connect":{',
      message: '{"id":3,"publish":{"channel":"g0","data":"{payload}"}}',
      rate: 200,
      warmup: 0.1,
      duration: 0.4,
      sampled: 3,
      drain: 5,
      limit: 30,
    });
    assert.equal(result.sent, 100);
    assert.equal(result.delivered, 300);
    assert.equal(result.missing + result.duplicates + result.unstamped, 0);
    assert.deepEqual(server.tokens.toSorted(), ['a', 'b', 'c', 'p']);
    // Those of the readers, and the publisher's but for what was still on its way at the end.
    assert.ok(result.pings > 300, `pings: ${String(result.pings)}`);
    assert.ok(server.pongs > 0);
  });
});
