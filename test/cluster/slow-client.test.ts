/**
 * A client that stops reading, on real sockets: it harms nobody, and gets everything when it reads
 * again, or is told that it cannot.
 */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { WebSocket } from 'ws';
import { clientUrl, signClientToken, signServerToken } from '../../gateway/tokens/sign.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { waitFor, withDeadline } from '../support/wait.ts';

/** More than the kernel holds for one reader on loopback (about 4 MB at both ends). */
const messages = 1500;
const padding = 'x'.repeat(10_000);

interface Client {
  readonly socket: WebSocket;
  /** Numbers of the messages that came. */
  readonly numbers: number[];
  /** Code of the close, once it came. */
  closed: number | undefined;
}

async function connect(t: TestContext, gateway: TestGateway): Promise<Client> {
  const { accessKey, url: endpoint } = gateway;
  const token = signClientToken({ accessKey, endpoint, hub: 'chat', groups: ['g'] });
  const socket = new WebSocket(clientUrl(endpoint, 'chat', token), 'json.webpubsub.azure.v1');
  t.after(() => socket.terminate());
  const client: Client = { socket, numbers: [], closed: undefined };
  socket.on('close', (code) => {
    client.closed = code;
  });
  const connected = new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.on('message', (frame: Buffer) => {
      const text = frame.toString('latin1');
      const number = /"data":"(\d+) /.exec(text)?.[1];
      if (number !== undefined) client.numbers.push(Number(number));
      else if (text.includes('"connected"')) resolve();
    });
  });
  await withDeadline(connected, { what: 'the client was connected' });
  return client;
}

async function publish(gateway: TestGateway, number: number): Promise<void> {
  const url = `${gateway.url}/api/hubs/chat/groups/g/:send?api-version=2024-12-01`;
  const token = signServerToken({ accessKey: gateway.accessKey, url });
  const response = await fetch(url, {
    method: 'POST',
    body: `${number} ${padding}`,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'text/plain' },
  });
  assert.equal(response.status, 202);
  await response.arrayBuffer();
}

/** The value of a metric without labels. */
async function metric(gateway: TestGateway, name: string): Promise<number> {
  const text = await (await fetch(`${gateway.url}/metrics`)).text();
  const line = text.split('\n').find((one) => one.startsWith(`${name} `));
  assert.ok(line !== undefined, `there is no metric ${name}`);
  return Number(line.split(' ')[1]);
}

const expected = Array.from({ length: messages }, (_, index) => index);

describe('a client that stops reading', () => {
  test('slow client: it gets all that it missed, in order, when it reads again', async (t) => {
    const limits = { ringBytesPerDestinationMax: 128 * 1024 * 1024 };
    const gateway = await startTestGateway({
      limits: { ...limits, ringBytesPerNodeMax: 256 * 1024 * 1024, congestedMsMax: 600_000 },
    });
    t.after(() => gateway.stop());
    const quick = await connect(t, gateway);
    const slow = await connect(t, gateway);
    slow.socket.pause();
    for (const number of expected) await publish(gateway, number);
    await waitFor(() => quick.numbers.length === messages, { what: 'the quick one got all' });
    assert.equal(await metric(gateway, 'trunkline_congested_connections'), 1);
    slow.socket.resume();
    await waitFor(() => slow.numbers.length >= messages, { what: 'the slow one got all' });
    assert.deepEqual(slow.numbers, expected);
    assert.deepEqual(quick.numbers, expected);
    await waitFor(async () => (await metric(gateway, 'trunkline_congested_connections')) === 0, {
      what: 'nobody is congested',
    });
    assert.equal(await metric(gateway, 'trunkline_retained_bytes'), 0);
    assert.deepEqual(gateway.errors, []);
  });

  test('slow client: when more than is kept passes by, it is closed, and the others get all', async (t) => {
    const gateway = await startTestGateway({ limits: { congestedMsMax: 600_000 } });
    t.after(() => gateway.stop());
    const quick = await connect(t, gateway);
    const slow = await connect(t, gateway);
    slow.socket.pause();
    for (const number of expected) await publish(gateway, number);
    await waitFor(() => quick.numbers.length === messages, { what: 'the quick one got all' });
    assert.deepEqual(quick.numbers, expected);
    slow.socket.resume();
    await waitFor(() => slow.closed !== undefined, { what: 'the slow one was closed' });
    assert.equal(slow.closed, 4008);
    assert.deepEqual(slow.numbers, expected.slice(0, slow.numbers.length), 'no hole before it');
    assert.ok(slow.numbers.length < messages);
    await waitFor(async () => (await metric(gateway, 'trunkline_congested_connections')) === 0, {
      what: 'nobody is congested',
    });
    assert.equal(await metric(gateway, 'trunkline_retained_bytes'), 0);
    assert.deepEqual(gateway.errors, []);
  });
});
