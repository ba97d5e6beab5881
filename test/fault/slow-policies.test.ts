/** Slow readers of a real gateway under each slow-consumer policy: told, counted, nobody else notices. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test, type TestContext } from 'node:test';
import { WebSocket } from 'ws';
import type { SlowConsumerPolicy } from '../../gateway/config.ts';
import { clientUrl, signClientToken } from '../../gateway/tokens/sign.ts';
import { FrameClient } from '../support/frame-client.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { waitFor, withDeadline } from '../support/wait.ts';

const mebibyte = 1024 * 1024;
const native = 'trunkline.v1.json';
const roles = ['webpubsub.joinLeaveGroup', 'webpubsub.sendToGroup'];
/** More than the kernel holds for one connection on loopback. */
const floodBytes = 16 * mebibyte;
const messageBytes = 16 * 1024;
const messages = floodBytes / messageBytes;
const keys = 5;

async function start(t: TestContext, policy: SlowConsumerPolicy): Promise<TestGateway> {
  const gateway = await startTestGateway({
    hubs: {
      chat: {
        anonymous: false,
        streams: [],
        slowConsumers: [{ match: 'group:flood', policy, key: 'key' }],
      },
    },
    limits: {
      congestedMsMax: 600_000,
      sendBufferBytesMax: 8 * mebibyte,
      ringBytesPerDestinationMax: mebibyte,
    },
  });
  t.after(() => gateway.stop());
  return gateway;
}

function urlOf({ accessKey, url }: TestGateway, userId: string): string {
  const token = signClientToken({
    accessKey,
    endpoint: url,
    hub: 'chat',
    userId,
    roles,
    groups: ['flood'],
  });
  return clientUrl(url, 'chat', token);
}

/** A member that can stop reading; it tells frames apart by their type. */
class Reader {
  readonly #socket: WebSocket;
  readonly objects: Readonly<Record<string, unknown>>[] = [];
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;

  private constructor(url: string) {
    this.#socket = new WebSocket(url, [native]);
    this.#socket.on('message', (data: Buffer) => {
      for (const line of data.toString().split('\n')) {
        // The gateway's own frames: objects, one a line.
        this.objects.push(JSON.parse(line) as Record<string, unknown>);
      }
    });
    this.closed = once(this.#socket, 'close').then(([code, reason]: unknown[]) => ({
      code: Number(code),
      reason: String(reason),
    }));
  }

  static async open(t: TestContext, url: string): Promise<Reader> {
    const reader = new Reader(url);
    t.after(() => reader.#socket.terminate());
    await waitFor(() => reader.objects.length > 0, { what: 'the reader is connected' });
    return reader;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  ofType(type: string): Readonly<Record<string, unknown>>[] {
    return this.objects.filter((object) => object['type'] === type);
  }

  numbers(): number[] {
    return this.ofType('message').map(({ data }) => Number.parseInt(String(data), 10));
  }
}

/** Numbered messages, each with one of a few keys; resolves when the last one is acknowledged. */
async function flood(t: TestContext, gateway: TestGateway): Promise<void> {
  const sender = await FrameClient.open(t, urlOf(gateway, 'sender'), {
    subprotocols: [native],
  });
  await sender.frames.next();
  sender.sendJson({ type: 'leaveGroup', group: 'flood', ackId: 1_000_000 });
  const filler = 'x'.repeat(messageBytes);
  const inFlight = 20;
  const acked = { count: 0 };
  const waitForAcks = async (count: number): Promise<void> => {
    while (acked.count < count) {
      for (const line of String(await sender.frames.next()).split('\n')) {
        if (line.includes('"type":"ack"')) acked.count += 1;
      }
    }
  };
  await waitForAcks(1);
  for (let number = 0; number < messages; number += 1) {
    const metadata = { key: `k${number % keys}` };
    const data = `${number} ${filler}`;
    const send = { type: 'sendToGroup', group: 'flood', ackId: number + 1, dataType: 'text' };
    sender.sendJson({ ...send, data, metadata });
    await waitForAcks(1 + number - inFlight);
  }
  await waitForAcks(1 + messages);
  await sender.close();
}

async function metric(gateway: TestGateway, name: string): Promise<number> {
  const text = await (await fetch(`${gateway.url}/metrics`)).text();
  const line = text.split('\n').find((each) => each.startsWith(`trunkline_${name} `));
  return Number(line?.split(' ')[1] ?? 0);
}

/** A slow and a quick reader, the flood, and the slow one at its end. */
async function run(t: TestContext, policy: SlowConsumerPolicy) {
  const gateway = await start(t, policy);
  const slow = await Reader.open(t, urlOf(gateway, 'slow'));
  const quick = await Reader.open(t, urlOf(gateway, 'quick'));
  slow.pause();
  await flood(t, gateway);
  await waitFor(() => quick.numbers().length === messages, { what: 'the quick one has all' });
  assert.deepEqual(
    quick.numbers(),
    Array.from({ length: messages }, (_, index) => index),
  );
  assert.equal(quick.ofType('gap').length, 0);
  slow.resume();
  return { gateway, slow };
}

/** Sum of what the reader was told as dropped; each hole must be told before what follows it. */
function assertTold(slow: Reader): number {
  let toldSoFar = 0;
  let missing = 0;
  let next = 0;
  for (const object of slow.objects) {
    if (object['type'] === 'gap') {
      assert.deepEqual([object['group'], object['reason']], ['flood', 'slow']);
      toldSoFar += Number(object['dropped']);
    }
    if (object['type'] !== 'message') continue;
    const number = Number.parseInt(String(object['data']), 10);
    assert.ok(number >= next, `${number} after ${next - 1}`);
    missing += number - next;
    next = number + 1;
    assert.ok(missing <= toldSoFar, `${missing} missing before ${number}, ${toldSoFar} told`);
  }
  return toldSoFar;
}

describe('slow reader under a policy', () => {
  for (const policy of ['drop-oldest', 'latest'] as const) {
    test(`slow reader (${policy}): it stays, gets the newest, and is told what it missed`, async (t) => {
      const { gateway, slow } = await run(t, policy);
      await waitFor(() => slow.numbers().at(-1) === messages - 1, {
        what: 'the slow one has the last message',
      });
      const numbers = slow.numbers();
      const told = assertTold(slow);
      assert.ok(told > 0);
      assert.equal(numbers.length + told, messages);
      // The newest of each key, also under drop-oldest: the ring is longer than that.
      const newest = Array.from({ length: keys }, (_, index) => messages - keys + index);
      assert.deepEqual(numbers.slice(-keys), newest);
      assert.equal(await metric(gateway, `slow_consumers_dropped_total{policy="${policy}"}`), told);
      const notices = slow.ofType('gap').length;
      assert.equal(await metric(gateway, `slow_consumers_told_total{policy="${policy}"}`), notices);
      assert.equal(await metric(gateway, 'retained_bytes'), 0);
      assert.deepEqual(gateway.errors, []);
    });
  }

  for (const [policy, code, reason, cause] of [
    ['disconnect', 4008, /fell behind/, 'fell_behind'],
    ['drop-and-recover', 4009, /resume/, 'told_to_resume'],
  ] as const) {
    test(`slow reader (${policy}): it is closed with ${code} and told why`, async (t) => {
      const { gateway, slow } = await run(t, policy);
      const closed = await withDeadline(slow.closed, { what: 'the slow one is closed' });
      assert.equal(closed.code, code);
      assert.match(closed.reason, reason);
      assert.match(String(slow.objects.at(-1)?.['message']), reason);
      assert.equal(await metric(gateway, `slow_consumers_closed_total{cause="${cause}"}`), 1);
      await waitFor(async () => (await metric(gateway, 'retained_bytes')) === 0, {
        what: 'nothing is kept any more',
      });
      assert.deepEqual(gateway.errors, []);
    });
  }
});
