/** Bad frames over live sockets: each its close code and reason, by the thousand, and no harm done. */
import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import { after, before, describe, test, type TestContext } from 'node:test';
import { WebSocket } from 'ws';
import { mutate } from '../fuzz/mutate.ts';
import { GatewayProcess } from '../support/gateway-process.ts';
import { frameOf, readVectors } from '../support/protocol-vectors.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { withDeadline } from '../support/wait.ts';
import {
  assertMemoryReturns,
  assertServes,
  clientUrlOf,
  connect,
  inParallel,
  jsonSubprotocol,
  smallHeap,
} from './fault-fixtures.ts';

const frameBytesMax = 64 * 1024;

let gateway: GatewayProcess;
before(async () => {
  const settings = { UPGRADES_PER_SECOND_MAX: 100_000, FRAME_BYTES_MAX: frameBytesMax };
  gateway = await GatewayProcess.start(settings, smallHeap);
});
after(() => gateway.run.kill());

interface BadFrame {
  readonly name: string;
  readonly frame: string | Uint8Array;
  readonly code: number;
  readonly reason: RegExp;
}

function toGroup(rest: string): string {
  return `{"type":"sendToGroup","group":"g",${rest}}`;
}

const badFrames: readonly BadFrame[] = [
  { name: 'no JSON', frame: 'hello', code: 1007, reason: /at byte 0; a frame is one JSON object/ },
  { name: 'nothing', frame: '', code: 1007, reason: /a frame is one JSON object/ },
  { name: 'an array', frame: '[]', code: 1007, reason: /expected an object/ },
  { name: 'two objects', frame: '{}{}', code: 1007, reason: /a frame is one JSON object/ },
  {
    name: 'deep JSON',
    frame: toGroup(`"data":${'['.repeat(30_000)}`),
    code: 1007,
    reason: /nested too deeply .* at most 64 deep/,
  },
  { name: 'no type', frame: '{}', code: 1007, reason: /"type" is missing/ },
  {
    name: 'an unknown type',
    frame: '{"type":"shout"}',
    code: 1007,
    reason: /"type" "shout" is unknown; use one of sendToGroup/,
  },
  {
    name: 'a property twice',
    frame: toGroup('"data":1,"data":2'),
    code: 1007,
    reason: /"data" appears twice; send it once/,
  },
  {
    name: 'a property twice, the second escaped',
    frame: toGroup('"data":1,"d\\u0061ta":2'),
    code: 1007,
    reason: /"data" appears twice/,
  },
  { name: 'no data', frame: toGroup('"ackId":1'), code: 1007, reason: /"data" is missing/ },
  {
    name: 'an empty group',
    frame: '{"type":"joinGroup","group":""}',
    code: 1007,
    reason: /"group" must be 1 to 1024 characters .* got ""/,
  },
  {
    name: 'a group that is too long',
    frame: `{"type":"joinGroup","group":"${'g'.repeat(1025)}"}`,
    code: 1007,
    reason: /"group" must be 1 to 1024 characters/,
  },
  {
    name: 'a lone surrogate in a group',
    frame: '{"type":"joinGroup","group":"\\ud800"}',
    code: 1007,
    reason: /valid Unicode, not only white space, got "\\ud800"/,
  },
  {
    name: 'a negative ackId',
    frame: '{"type":"joinGroup","group":"g","ackId":-1}',
    code: 1007,
    reason: /"ackId" must be an integer from 0 to 2\^64-1, got "-1"/,
  },
  {
    name: 'an ackId of 2^64',
    frame: '{"type":"joinGroup","group":"g","ackId":18446744073709551616}',
    code: 1007,
    reason: /"ackId" must be an integer/,
  },
  {
    name: 'a dataType that is none',
    frame: toGroup('"dataType":"xml","data":"x"'),
    code: 1007,
    reason: /"dataType"/,
  },
  {
    name: 'binary that is no base64',
    frame: toGroup('"dataType":"binary","data":"a"'),
    code: 1007,
    reason: /base64/,
  },
  {
    name: 'metadata for a prototype',
    frame: toGroup('"data":1,"metadata":{"__proto__":"x"}'),
    code: 1007,
    reason: /metadata key "__proto__"/,
  },
  {
    name: 'a header forged in metadata',
    frame: toGroup('"data":1,"metadata":{"a":"b\\r\\nset-cookie: c"}'),
    code: 1007,
    reason: /metadata value of "a" must be printable ASCII/,
  },
  {
    name: 'a binary frame',
    frame: Buffer.from('{"type":"ping"}'),
    code: 1003,
    reason: /has text frames only, got a binary one; send JSON as text/,
  },
  {
    name: 'a frame that is too large',
    frame: toGroup(`"data":"${'x'.repeat(frameBytesMax)}"`),
    code: 1009,
    reason: /^A frame of 655\d\d bytes is over the 65536 that frameBytesMax allows/,
  },
];

describe('bad frames', () => {
  for (const { code, frame, name, reason } of badFrames) {
    test(`frame: ${name} is told and closed with ${code}`, async (t) => {
      const client = await connect(t, gateway);
      client.send(frame);
      client.sendJson({ type: 'ping' });
      const told = (await client.nextJson()) as { message: string };
      assert.match(told.message, reason);
      assert.deepEqual(told, { type: 'system', event: 'disconnected', message: told.message });
      const closed = await client.closed();
      assert.equal(closed.code, code);
      assert.ok(told.message.startsWith(closed.reason) && closed.reason.length > 20);
      assert.deepEqual(client.frames.unread, [], 'nothing after the bad frame is executed');
    });
  }

  test('frame: far over the bound is cut, whatever is in it', async (t) => {
    const client = await connect(t, gateway);
    client.send(Buffer.alloc(4 * frameBytesMax));
    assert.equal((await client.closed()).code, 1006);
  });

  test('names: two that differ in a lone surrogate meet in no group', async (t) => {
    const reader = await connect(t, gateway);
    reader.sendJson({ type: 'joinGroup', group: 'a\ufffd', ackId: 1 });
    await reader.nextJson();
    const writer = await connect(t, gateway, 'bob');
    writer.send('{"type":"sendToGroup","group":"a\\ud800","data":1,"ackId":1}');
    assert.equal((await writer.closed()).code, 1007);
    reader.sendJson({ type: 'ping' });
    assert.deepEqual(await reader.nextJson(), { type: 'pong' });
  });
});

/** Sends frames until it is closed; resolves with the code, and with what was said before. */
async function misbehave(frames: Iterable<string | Uint8Array>, isBinary: boolean | undefined) {
  const socket = new WebSocket(clientUrlOf(gateway), jsonSubprotocol);
  let last = '';
  socket.on('message', (data: Buffer) => {
    last = data.toString();
  });
  socket.on('open', () => {
    for (const frame of frames)
      socket.send(frame, { binary: isBinary ?? typeof frame !== 'string' });
    socket.close();
  });
  const closed = new Promise<{ code: number; reason: string; last: string }>((resolve, reject) => {
    socket.on('close', (code, reason) => resolve({ code, reason: reason.toString(), last }));
    socket.on('error', (error: Error & { code?: string }) => {
      // What is cut while it still writes sees this; its close event follows.
      if (!/ECONNRESET|EPIPE/.test(String(error.code))) reject(error);
    });
  });
  return withDeadline(closed, { what: 'the misbehaving client is closed' });
}

async function storm(t: TestContext, oneClient: (index: number) => Promise<void>): Promise<void> {
  await assertMemoryReturns(gateway, () => inParallel(400, 20, oneClient));
  await assertServes(t, gateway);
}

describe('bad frames by the thousand', () => {
  test('bad frames: the process lives, serves, and its memory returns', async (t) => {
    await storm(t, async (index) => {
      const bad = badFrames[index % badFrames.length];
      assert.ok(bad !== undefined);
      const { code } = await misbehave([bad.frame], undefined);
      assert.equal(code, bad.code, bad.name);
    });
  });

  test('mutated frames: each is answered as the protocol says, and no harm is done', async (t) => {
    const vectors = readVectors('json-webpubsub-v1.json');
    const corpus = [...vectors.accepted, ...vectors.refused]
      .map((vector) => Buffer.from(frameOf(vector).bytes))
      .filter((bytes) => bytes.length < 2048);
    const random = new SeededRandom(20261123);
    const codes = new Set<number>();
    await storm(t, async () => {
      const frames = Array.from({ length: 5 }, () => mutate(corpus, random));
      const { code, last, reason } = await misbehave(frames, false);
      codes.add(code);
      if (code === 1007) {
        const told = JSON.parse(last) as { event?: string; message?: string };
        assert.equal(told.event, 'disconnected');
        assert.ok(reason.length > 10 && told.message?.startsWith(reason), `${reason} / ${last}`);
      } else if (code === 1006) {
        assert.ok(!frames.every((frame) => isUtf8(frame)), 'cut for no reason');
      } else {
        // It got through all frames and closed by itself.
        assert.equal(code, 1005);
      }
    });
    assert.ok(codes.has(1007) && codes.has(1006), [...codes].join());
  });
});
