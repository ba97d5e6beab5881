/** A client that does not read: closed with 4008 in time, told, counted; nobody else notices. */
import assert from 'node:assert/strict';
import { connect as connectTcp, type Socket } from 'node:net';
import { after, before, describe, test, type TestContext } from 'node:test';
import { GatewayProcess } from '../support/gateway-process.ts';
import { waitFor, withDeadline } from '../support/wait.ts';
import {
  assertClean,
  assertServes,
  clientUrlOf,
  connect,
  jsonSubprotocol,
  smallHeap,
} from './fault-fixtures.ts';

const congestedMsMax = 400;

let gateway: GatewayProcess;
before(async () => {
  const settings = { CONGESTED_MS_MAX: congestedMsMax, SEND_BUFFER_BYTES_MAX: 8 * 1024 * 1024 };
  gateway = await GatewayProcess.start(settings, smallHeap);
});
after(() => gateway.run.kill());

/** A member of group `flood` whose TCP connection is not read until `heard` is called. */
async function stuckMember(t: TestContext): Promise<Socket> {
  const { host, pathname, search } = new URL(clientUrlOf(gateway, 'stuck').replace(/^ws/, 'http'));
  const socket = connectTcp({ port: gateway.port, host: '127.0.0.1' });
  t.after(() => socket.destroy());
  socket.write(
    `GET ${pathname}${search} HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\n` +
      'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
      `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: ${jsonSubprotocol}\r\n\r\n`,
  );
  let heard = '';
  const onData = (data: Buffer): void => {
    heard += data.toString('latin1');
  };
  socket.on('data', onData);
  await waitFor(() => heard.includes('"connected"'), { what: 'the stuck member is connected' });
  const join = Buffer.from('{"type":"joinGroup","group":"flood","ackId":1}');
  const masked = Buffer.concat([Buffer.of(0x81, 0x80 | join.length), Buffer.alloc(4), join]);
  socket.write(masked);
  await waitFor(() => heard.includes('"ackId":1'), { what: 'the stuck member has joined' });
  socket.off('data', onData);
  socket.pause();
  return socket;
}

/** All that was waiting in the connection until the gateway closed it. */
async function readToTheEnd(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on('data', (data: Buffer) => chunks.push(data));
  const closed = new Promise<void>((resolve) => {
    socket.on('end', resolve);
    socket.on('close', () => resolve());
  });
  socket.resume();
  await withDeadline(closed, { what: 'the stuck member sees the end' });
  return Buffer.concat(chunks);
}

describe('slow reader', () => {
  test('slow reader: closed with 4008 and told why, others get everything', async (t) => {
    const stuck = await stuckMember(t);
    const reader = await connect(t, gateway, 'reader');
    reader.sendJson({ type: 'joinGroup', group: 'flood', ackId: 1 });
    await reader.nextJson();
    const sender = await connect(t, gateway, 'sender');
    const filler = 'x'.repeat(16 * 1024);
    let sent = 0;
    const stalled = 'slow_consumers_closed_total{cause="stalled"}';
    const fellBehind = 'slow_consumers_closed_total{cause="fell_behind"}';
    await waitFor(
      async () => {
        for (let burst = 0; burst < 20; burst += 1) {
          sent += 1;
          const frame = { type: 'sendToGroup', group: 'flood', ackId: sent, noEcho: true };
          sender.sendJson({ ...frame, data: `${sent} ${filler}`, dataType: 'text' });
        }
        for (let burst = 0; burst < 20; burst += 1) {
          const { success } = (await sender.nextJson()) as { success: boolean };
          assert.equal(success, true);
        }
        const metrics = await gateway.metrics();
        return (metrics.get(stalled) ?? 0) + (metrics.get(fellBehind) ?? 0) === 1;
      },
      { what: 'the stuck member was closed', deadlineMs: 30_000 },
    );
    const frames = await reader.frames.take(sent);
    const numbers = frames.map((frame) => {
      const { data } = JSON.parse(String(frame)) as { data: string };
      return Number.parseInt(data, 10);
    });
    assert.deepEqual(
      numbers,
      Array.from({ length: sent }, (_, index) => index + 1),
      'in order and without a hole',
    );
    assert.equal(await gateway.metric('connections_closed_total{code="4008"}'), 1);

    const remains = await readToTheEnd(stuck);
    assert.ok(remains.includes('"event":"disconnected","message":"The client reads too slowly'));
    const close = Buffer.of(4008 >> 8, 4008 & 0xff);
    assert.ok(remains.includes(Buffer.concat([close, Buffer.from('The client reads too slowly')])));

    await reader.close();
    await sender.close();
    await assertClean(gateway);
    await assertServes(t, gateway);
  });
});
