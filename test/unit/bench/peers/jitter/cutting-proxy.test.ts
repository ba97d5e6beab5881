/** The proxy of the jitter test: it cuts who is due, and nobody else. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import { addressOfClient, CuttingProxy } from '../../../../../bench/peers/jitter/cutting-proxy.ts';

const skip =
  process.platform !== 'linux' && 'only Linux lets all of 127.0.0.0/8 be connected to at once';

/** A server that answers what it is sent. Resolves with its port. */
async function startEcho(context: TestContext): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    // A reset is what this test is about.
    socket.on('error', () => undefined);
    socket.pipe(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  // A server that listens on a port has such an address.
  return (server.address() as AddressInfo).port;
}

async function say(socket: Socket, text: string): Promise<string> {
  const answer = once(socket, 'data');
  socket.write(text);
  const [data] = (await answer) as [Buffer];
  return data.toString();
}

/** Unlike once(), it takes a reset for what it is here: an end. */
async function closed(socket: Socket): Promise<void> {
  await new Promise<void>((resolve) => {
    socket.once('close', () => resolve());
  });
}

describe('cutting proxy', { skip }, () => {
  test('a cut: the client whose turn it is loses its connection and gets no other', async (context) => {
    const port = await startEcho(context);
    // The first client is cut at once and stays away, the second one's turn never comes.
    const hour = 3_600_000;
    const plan = { clients: 2, periodMs: hour * 10, offlineMs: hour, untilMs: hour };
    const proxy = new CuttingProxy(plan, port);
    context.after(() => proxy.close());
    const proxyPort = await proxy.listen();
    const open = (client: number): Socket => connect(proxyPort, addressOfClient(client));
    const first = open(0);
    const second = open(1);
    context.after(() => {
      first.destroy();
      second.destroy();
    });
    first.on('error', () => undefined);
    assert.equal(await say(first, 'a'), 'a');
    assert.equal(await say(second, 'b'), 'b');
    const isCut = closed(first);
    proxy.start();
    await isCut;
    const again = open(0);
    again.on('error', () => undefined);
    await closed(again);
    assert.equal(await say(second, 'c'), 'c');
    assert.deepEqual([proxy.cuts, proxy.refused], [1, 1]);
  });

  test('addresses: each client has its own', () => {
    const all = new Set(Array.from({ length: 1000 }, (_, client) => addressOfClient(client)));
    assert.equal(all.size, 1000);
    for (const address of all) assert.match(address, /^127\.1\.\d{1,3}\.\d{1,3}$/);
  });
});
