/** A client that does not read: closed with 4008 in time, told, counted; nobody else notices. */
import assert from 'node:assert/strict';
import { connect as connectTcp, type Socket } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
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

const mebibyte = 1024 * 1024;

interface SlowCase {
  readonly cause: 'stalled' | 'fell_behind';
  readonly settings: Readonly<Record<string, number>>;
  readonly reason: string;
}

const cases: readonly SlowCase[] = [
  {
    cause: 'stalled',
    settings: { CONGESTED_MS_MAX: 400, RING_BYTES_PER_DESTINATION_MAX: 64 * mebibyte },
    reason: 'The client reads too slowly: it took nothing for 400 ms',
  },
  {
    cause: 'fell_behind',
    settings: { CONGESTED_MS_MAX: 600_000, RING_BYTES_PER_DESTINATION_MAX: 64 * 1024 },
    reason: 'The client reads too slowly: it fell behind the messages that are kept for it',
  },
];

/** More than the kernel holds for one connection on loopback. */
const floodBytes = 24 * mebibyte;
const messageBytes = 16 * 1024;

/** A member of group `flood` whose TCP connection is not read until `heard` is called. */
async function stuckMember(t: TestContext, gateway: GatewayProcess): Promise<Socket> {
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

/** Sends numbered messages to group `flood` and waits for every ack; returns how many. */
async function flood(t: TestContext, gateway: GatewayProcess): Promise<number> {
  const sender = await connect(t, gateway, 'sender');
  const filler = 'x'.repeat(messageBytes);
  const count = Math.ceil(floodBytes / messageBytes);
  const inFlight = 20;
  for (let ackId = 1; ackId <= count + inFlight; ackId += 1) {
    const data = `${ackId} ${filler}`;
    const frame = { type: 'sendToGroup', group: 'flood', ackId, dataType: 'text', data };
    if (ackId <= count) sender.sendJson(frame);
    if (ackId <= inFlight) continue;
    assert.deepEqual(await sender.nextJson(), {
      type: 'ack',
      ackId: ackId - inFlight,
      success: true,
    });
  }
  await sender.close();
  return count;
}

function numberOf(frame: string | Buffer): number {
  const { data } = JSON.parse(String(frame)) as { data: string };
  return Number.parseInt(data, 10);
}

describe('slow reader', () => {
  for (const { cause, reason, settings } of cases) {
    test(`slow reader (${cause}): closed with 4008 and told why, others get all`, async (t) => {
      const belt = { SEND_BUFFER_BYTES_MAX: 8 * mebibyte };
      const gateway = await GatewayProcess.start({ ...belt, ...settings }, smallHeap);
      t.after(() => gateway.run.kill());
      const stuck = await stuckMember(t, gateway);
      const reader = await connect(t, gateway, 'reader');
      reader.sendJson({ type: 'joinGroup', group: 'flood', ackId: 1 });
      await reader.nextJson();

      const sent = await flood(t, gateway);
      const numbers = (await reader.frames.take(sent)).map(numberOf);
      const wanted = Array.from({ length: sent }, (_, index) => index + 1);
      assert.deepEqual(numbers, wanted, 'in order and without a hole');
      await waitFor(
        async () => (await gateway.metric('connections_closed_total{code="4008"}')) === 1,
        { what: 'the stuck member was closed with 4008' },
      );
      assert.equal(await gateway.metric(`slow_consumers_closed_total{cause="${cause}"}`), 1);

      const remains = await readToTheEnd(stuck);
      assert.ok(remains.includes(`"event":"disconnected","message":"${reason}"`));
      const code = Buffer.of(4008 >> 8, 4008 & 0xff);
      assert.ok(remains.includes(Buffer.concat([code, Buffer.from(reason)])), 'a close frame');

      await reader.close();
      await assertClean(gateway);
      await assertServes(t, gateway);
    });
  }
});
