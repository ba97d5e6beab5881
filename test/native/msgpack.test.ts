/** A client of `trunkline.v1.msgpack` against a whole gateway, beside one of `trunkline.v1.json`. */
import assert from 'node:assert/strict';
import { after, before, describe, test, type TestContext } from 'node:test';
import { Packr } from 'msgpackr';
import { clientUrl, signClientToken } from '../../gateway/tokens/sign.ts';
import { FrameClient } from '../support/frame-client.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { readMaps } from '../support/msgpack-invariants.ts';

type Members = Readonly<Record<string, unknown>>;

const packr = new Packr({ useRecords: false });
let gateway: TestGateway;

before(async () => {
  gateway = await startTestGateway();
});
after(() => gateway.stop());

function open(t: TestContext, subprotocol: string): Promise<FrameClient> {
  const token = signClientToken({
    accessKey: gateway.accessKey,
    endpoint: gateway.url,
    hub: 'chat',
    userId: 'anna',
    roles: ['webpubsub.joinLeaveGroup', 'webpubsub.sendToGroup'],
    minutesToExpire: 60,
  });
  return FrameClient.open(t, clientUrl(gateway.url, 'chat', token), {
    subprotocols: [subprotocol],
  });
}

/** The objects of the next frames, whatever their encoding, until there are so many of that type. */
async function take(client: FrameClient, type: string, count: number): Promise<Members[]> {
  const found: Members[] = [];
  while (found.length < count) {
    const frame = await client.frames.next();
    const objects =
      typeof frame === 'string'
        ? frame.split('\n').map((line) => JSON.parse(line) as unknown)
        : readMaps(frame);
    // The gateway sends objects only.
    for (const object of objects as Members[]) if (object['type'] === type) found.push(object);
  }
  return found;
}

describe('trunkline.v1.msgpack against a gateway', () => {
  test('payloads of every type reach the other encoding, several commands in one frame', async (t) => {
    const json = await open(t, 'trunkline.v1.json');
    const msgpack = await open(t, 'trunkline.v1.msgpack');
    const join = { type: 'joinGroup', group: 'g', ackId: 1 };
    const to = { type: 'sendToGroup', group: 'g', noEcho: true };
    json.sendJson(join);
    msgpack.send(packr.pack(join));
    await Promise.all([take(json, 'ack', 1), take(msgpack, 'ack', 1)]);

    const maps = [
      { ...to, data: '{"a":\n[1.0]}' },
      { ...to, dataType: 'text', data: 'é"' },
      { ...to, dataType: 'binary', data: Buffer.from([0, 255]) },
    ];
    msgpack.send(Buffer.concat(maps.map((map) => packr.pack(map))));
    const from = { type: 'message', from: 'group', group: 'g', fromUserId: 'anna' };
    assert.deepEqual(await take(json, 'message', 3), [
      { ...from, dataType: 'json', data: { a: [1] } },
      { ...from, dataType: 'text', data: 'é"' },
      { ...from, dataType: 'binary', data: 'AP8=' },
    ]);

    const objects = [
      { ...to, data: { a: [1] } },
      { ...to, dataType: 'binary', data: 'AP8=' },
    ];
    json.send(objects.map((object) => JSON.stringify(object)).join('\n'));
    assert.deepEqual(await take(msgpack, 'message', 2), [
      { ...from, dataType: 'json', data: '{"a":[1]}' },
      { ...from, dataType: 'binary', data: Buffer.from([0, 255]) },
    ]);
  });

  test('connected: the greeting is a map', async (t) => {
    const client = await open(t, 'trunkline.v1.msgpack');
    assert.equal(client.subprotocol, 'trunkline.v1.msgpack');
    const [greeting] = await take(client, 'system', 1);
    assert.equal(greeting?.['event'], 'connected');
    assert.equal(greeting['userId'], 'anna');
    assert.deepEqual(greeting['streams'], []);
  });

  test('a text frame closes with 1003, an extension type with 1007', async (t) => {
    const text = await open(t, 'trunkline.v1.msgpack');
    text.sendJson({ type: 'ping' });
    assert.equal((await text.closed()).code, 1003);
    const extension = await open(t, 'trunkline.v1.msgpack');
    extension.send(packr.pack({ type: 'ping', at: new Date(0) }));
    const { code, reason } = await extension.closed();
    assert.equal(code, 1007);
    assert.match(reason, /^type 0xd6 is not allowed/);
    assert.deepEqual(gateway.errors, []);
  });
});
