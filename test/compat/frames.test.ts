/** The JSON subprotocol byte by byte: whole frames as strings, payloads as they were written. */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import type { WebPubSubServiceClient } from '@azure/web-pubsub';
import { FrameClient } from '../support/frame-client.ts';
import { allRoles } from '../support/sdk-client.ts';
import { jsonSubprotocol, newService, rest, useGateway } from './suite.ts';

const gateway = useGateway();

interface JsonClient {
  readonly client: FrameClient;
  readonly connectionId: string;
}

/** Connected, its `connected` frame read. */
async function connect(
  t: TestContext,
  service: WebPubSubServiceClient,
  token: { userId?: string; groups?: string[] } = {},
): Promise<JsonClient> {
  const { url } = await service.getClientAccessToken({ roles: allRoles, ...token });
  const client = await FrameClient.open(t, url, { subprotocols: [jsonSubprotocol] });
  const { connectionId } = (await client.nextJson()) as { connectionId: string };
  return { client, connectionId };
}

describe('JSON frames', () => {
  test('connected: the first frame, with the user or null, over the one offered subprotocol', async (t) => {
    const service = newService(gateway());
    for (const userId of ['anna "the first" ✓', undefined]) {
      const { url } = await service.getClientAccessToken(userId === undefined ? {} : { userId });
      const client = await FrameClient.open(t, url, { subprotocols: [jsonSubprotocol] });
      const frame = String(await client.frames.next());
      const { connectionId } = JSON.parse(frame) as { connectionId: string };
      const user = JSON.stringify(userId ?? null);
      assert.equal(
        frame,
        `{"type":"system","event":"connected","userId":${user},"connectionId":"${connectionId}"}`,
      );
      assert.ok(connectionId.startsWith(gateway().gateway.nodeId));
      assert.equal(client.subprotocol, jsonSubprotocol);
    }
  });

  test('message of a group: from a client, and from the server without a user', async (t) => {
    const service = newService(gateway());
    const { client } = await connect(t, service, { userId: 'anna', groups: ['g'] });
    client.send('{"type":"sendToGroup","group":"g","dataType":"text","data":"x"}');
    assert.equal(
      await client.frames.next(),
      '{"type":"message","from":"group","group":"g","fromUserId":"anna","dataType":"text","data":"x"}',
    );
    await service.group('g').sendToAll('x', { contentType: 'text/plain' });
    assert.equal(
      await client.frames.next(),
      '{"type":"message","from":"group","group":"g","fromUserId":null,"dataType":"text","data":"x"}',
    );
  });

  test('message of the server: to all, a user and a connection alike', async (t) => {
    const service = newService(gateway());
    const { client, connectionId } = await connect(t, service, { userId: 'anna' });
    const text = { contentType: 'text/plain' } as const;
    await service.sendToAll('x', text);
    await service.sendToUser('anna', 'x', text);
    await service.sendToConnection(connectionId, 'x', text);
    for (const frame of await client.frames.take(3)) {
      assert.equal(frame, '{"type":"message","from":"server","dataType":"text","data":"x"}');
    }
  });

  test('acks and pong: compact, with the ids of the requests', async (t) => {
    const { client } = await connect(t, newService(gateway()));
    client.sendJson({ type: 'joinGroup', group: 'g', ackId: 1 });
    assert.equal(await client.frames.next(), '{"type":"ack","ackId":1,"success":true}');
    client.send('{"ackId":18446744073709551615,"group":"g","type":"leaveGroup"}');
    assert.equal(
      await client.frames.next(),
      '{"type":"ack","ackId":18446744073709551615,"success":true}',
    );
    client.sendJson({ type: 'joinGroup', group: 'g', ackId: 1 });
    assert.equal(
      await client.frames.next(),
      '{"type":"ack","ackId":1,"success":false,"error":{"name":"Duplicate",' +
        '"message":"Message with ack-id: 1 has been processed"}}',
    );
    client.send('{"type":"ping"}');
    assert.equal(await client.frames.next(), '{"type":"pong"}');
  });

  test('invoke: the response carries the id and the error', async (t) => {
    const { client } = await connect(t, newService(gateway()));
    const invoke = { type: 'invoke', invocationId: 'i "1"', target: 'event', event: 'price' };
    client.sendJson({ ...invoke, dataType: 'json', data: {} });
    const frame = String(await client.frames.next());
    const { error } = JSON.parse(frame) as { error: { message: string } };
    assert.equal(
      frame,
      '{"type":"invokeResponse","invocationId":"i \\"1\\"","success":false,' +
        `"error":{"name":"InvocationFailed","message":${JSON.stringify(error.message)}}}`,
    );
  });
});

/** JSON that a parser and a writer would change: order, number forms, escapes, white space. */
const jsonTexts = [
  '{"b":1,"a":2,"n":1.0}',
  '{"n":1e400,"big":12345678901234567890,"minus":-0,"x":1.50}',
  '{"a":1,"a":2}',
  '"\\u00e9\\/\\ud83d\\ude00 é 😀"',
  '[ 1 ,\t2 , { } ]',
  '"just a string"',
  'true',
  '0',
  '{"__proto__":{"x":1}}',
];

describe('payloads', () => {
  for (const json of jsonTexts) {
    test(`json: ${json} arrives as it was written, from a client and by REST`, async (t) => {
      const service = newService(gateway());
      const { client } = await connect(t, service, { groups: ['g'] });
      client.send(`{"type":"sendToGroup","group":"g","data":${json}}`);
      const head =
        '{"type":"message","from":"group","group":"g","fromUserId":null,"dataType":"json","data":';
      assert.equal(await client.frames.next(), `${head}${json}}`);
      const headers = { 'content-type': 'application/json' };
      const path = `/api/hubs/${service.hubName}/groups/g/:send?api-version=2024-12-01`;
      const response = await rest(gateway(), path, { method: 'POST', headers, body: json });
      assert.equal(response.status, 202);
      assert.equal(await client.frames.next(), `${head}${json}}`);
    });
  }

  const texts = ['', 'plain', 'quote " backslash \\ slash /', 'line\nbreak\ttab\u0000', 'ünï 😀 ￿'];
  for (const text of texts) {
    test(`text: ${JSON.stringify(text)} arrives unchanged, from a client and by REST`, async (t) => {
      const service = newService(gateway());
      const { client } = await connect(t, service, { groups: ['g'] });
      client.sendJson({ type: 'sendToGroup', group: 'g', dataType: 'text', data: text });
      await service.group('g').sendToAll(text, { contentType: 'text/plain' });
      for (const frame of await client.frames.take(2)) {
        const { data, dataType } = JSON.parse(String(frame)) as Record<string, unknown>;
        assert.deepEqual([dataType, data], ['text', text]);
      }
    });
  }

  test('binary: every byte arrives, from a client and by REST', async (t) => {
    const service = newService(gateway());
    const { client } = await connect(t, service, { groups: ['g'] });
    for (const length of [0, 1, 2, 3, 256, 100_000]) {
      const bytes = Buffer.from(Array.from({ length }, (_, index) => (index * 7) % 256));
      const data = bytes.toString('base64');
      client.sendJson({ type: 'sendToGroup', group: 'g', dataType: 'binary', data });
      const buffer = new Uint8Array(bytes).buffer;
      await service.group('g').sendToAll(buffer);
      for (const frame of await client.frames.take(2)) {
        assert.equal(
          frame,
          '{"type":"message","from":"group","group":"g","fromUserId":null,' +
            `"dataType":"binary","data":"${data}"}`,
        );
      }
    }
  });

  test('size: a frame of 1 MiB is delivered, one byte more is refused with 1009', async (t) => {
    const service = newService(gateway());
    const { client } = await connect(t, service, { groups: ['g'] });
    const head = '{"type":"sendToGroup","group":"g","dataType":"text","data":"';
    const frameOf = (bytes: number) => `${head}${'x'.repeat(bytes - head.length - 2)}"}`;
    client.send(frameOf(1024 * 1024));
    const frame = String(await client.frames.next());
    assert.ok(frame.endsWith('xxx"}'));
    client.send(frameOf(1024 * 1024 + 1));
    assert.equal((await client.closed()).code, 1009);
  });
});

describe('metadata', () => {
  test('metadata: a client’s reaches the members, behind the data', async (t) => {
    const { client } = await connect(t, newService(gateway()), { groups: ['g'] });
    const metadata = { 'trace-id': 'abc', Priority: '1' };
    const message = { type: 'sendToGroup', group: 'g', dataType: 'json', data: [1], metadata };
    client.sendJson(message);
    const head = '{"type":"message","from":"group","group":"g","fromUserId":null,';
    assert.equal(
      await client.frames.next(),
      `${head}"dataType":"json","data":[1],"metadata":{"trace-id":"abc","Priority":"1"}}`,
    );
    client.sendJson({ type: 'sendToGroup', group: 'g', metadata });
    assert.equal(
      await client.frames.next(),
      `${head}"dataType":"text","data":"","metadata":{"trace-id":"abc","Priority":"1"}}`,
    );
  });

  test('metadata: headers of the REST API become it', async (t) => {
    const service = newService(gateway());
    const { client } = await connect(t, service);
    await service.sendToAll('x', {
      contentType: 'text/plain',
      requestOptions: { customHeaders: { 'X-WebPubSub-Metadata-Trace-Id': 'abc' } },
    });
    assert.equal(
      await client.frames.next(),
      '{"type":"message","from":"server","dataType":"text","data":"x",' +
        '"metadata":{"trace-id":"abc"}}',
    );
  });
});

describe('ttl', () => {
  test('ttlSeconds: 0 to 300 is accepted and delivered while it is fresh', async (t) => {
    const { client } = await connect(t, newService(gateway()), { groups: ['g'] });
    for (const ttlSeconds of [0, 1, 300]) {
      const message = { type: 'sendToGroup', group: 'g', data: ttlSeconds, ttlSeconds };
      client.sendJson(message);
      const { data } = (await client.nextJson()) as { data: unknown };
      assert.equal(data, ttlSeconds);
    }
    client.sendJson({ type: 'sendToGroup', group: 'g', data: 1, ttlSeconds: 301 });
    assert.equal((await client.closed()).code, 1007);
  });
});

describe('frames that are refused', () => {
  const refusals: readonly (readonly [string, string | Uint8Array, number])[] = [
    ['a binary frame', new Uint8Array([1]), 1003],
    ['no JSON', 'hello', 1007],
    ['no object', '[]', 1007],
    ['no type', '{}', 1007],
    ['an unknown type', '{"type":"conquer"}', 1007],
    ['no group', '{"type":"joinGroup"}', 1007],
    ['a blank group', '{"type":"joinGroup","group":"  "}', 1007],
    ['no data', '{"type":"sendToGroup","group":"g"}', 1007],
    ['null data', '{"type":"sendToGroup","group":"g","data":null}', 1007],
    ['a bad data type', '{"type":"sendToGroup","group":"g","dataType":"xml","data":"x"}', 1007],
    ['text that is none', '{"type":"sendToGroup","group":"g","dataType":"text","data":1}', 1007],
    ['bad base64', '{"type":"sendToGroup","group":"g","dataType":"binary","data":"*"}', 1007],
    ['a bad ackId', '{"type":"joinGroup","group":"g","ackId":-1}', 1007],
    ['a bad event', '{"type":"event","event":"no spaces","data":1}', 1007],
    ['two values', '{"type":"ping"}{"type":"ping"}', 1007],
  ];
  for (const [what, frame, code] of refusals) {
    test(`${what}: the client is told and closed with ${code}`, async (t) => {
      const { client } = await connect(t, newService(gateway()));
      client.send(frame);
      const farewell = (await client.nextJson()) as Record<string, unknown>;
      assert.deepEqual([farewell['type'], farewell['event']], ['system', 'disconnected']);
      const { code: seen, reason } = await client.closed();
      assert.equal(seen, code);
      assert.ok(String(farewell['message']).startsWith(reason.slice(0, 100)));
    });
  }

  test('types are compared ignoring case, and sequenceAck is ignored', async (t) => {
    const { client } = await connect(t, newService(gateway()));
    client.sendJson({ type: 'sequenceAck', sequenceId: 1 });
    client.sendJson({ type: 'JOINGROUP', group: 'g', ackId: 1 });
    assert.equal(await client.frames.next(), '{"type":"ack","ackId":1,"success":true}');
  });
});
