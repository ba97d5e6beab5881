/** Knocking at an address: a greeting, anything else, nothing, and nobody there. */
import assert from 'node:assert/strict';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { knock, type KnockOptions } from '../../../../backplanes/nats/knock.ts';

const patient: KnockOptions = {
  timeoutMs: 60_000,
  awaitsGreeting: true,
  signal: new AbortController().signal,
};

async function listen(context: TestContext, onSocket: (socket: Socket) => void): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    onSocket(socket);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  context.after(() => server.close());
  // A server that listens on a port has such an address.
  return (server.address() as AddressInfo).port;
}

test('knock: a greeting is enough, in pieces too', async (context) => {
  const port = await listen(context, (socket) => {
    socket.write('IN');
    setImmediate(() => socket.write('FO {}\r\n'));
  });
  await knock({ host: '127.0.0.1', port }, patient);
});

test('knock: silence, another protocol and a closed door are told apart', async (context) => {
  const silent = await listen(context, () => undefined);
  await assert.rejects(
    knock({ host: '127.0.0.1', port: silent }, { ...patient, timeoutMs: 20 }),
    /no answer within 20 ms/,
  );
  const other = await listen(context, (socket) => socket.write('SSH-2.0'));
  await assert.rejects(knock({ host: '127.0.0.1', port: other }, patient), /no NATS server/);
  const closing = await listen(context, (socket) => socket.end());
  await assert.rejects(knock({ host: '127.0.0.1', port: closing }, patient), /closed at once/);
});

test('knock: where TLS comes first a connection is enough', async (context) => {
  const port = await listen(context, () => undefined);
  await knock({ host: '127.0.0.1', port }, { ...patient, awaitsGreeting: false });
});

test('knock: it can be given up', async (context) => {
  const stop = new AbortController();
  const port = await listen(context, () => stop.abort());
  const address = { host: '127.0.0.1', port };
  await assert.rejects(knock(address, { ...patient, signal: stop.signal }), /given up/);
  await assert.rejects(knock(address, { ...patient, signal: stop.signal }));
});
