/** The protobuf subprotocols against a whole gateway, side by side with the others. */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import type { JsonObject } from '@bufbuild/protobuf';
import type { WebPubSubServiceClient } from '@azure/web-pubsub';
import { MemoryBackplane, MemoryBroker } from '../../backplanes/memory/memory-backplane.ts';
import { FrameClient } from '../support/frame-client.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { ProtobufClient, protobufReliableSubprotocol } from '../support/protobuf-client.ts';
import { anyMessage, writeProtobuf } from '../support/protobuf-schema.ts';
import { allRoles } from '../support/sdk-client.ts';
import { jsonSubprotocol, newService, useGateway } from './suite.ts';

const gateway = useGateway();
const anything = { typeUrl: 'type.googleapis.com/a.B', value: 'CAE=' };
const anyBytes = Buffer.from(writeProtobuf(anyMessage, anything));

async function urlOf(
  service: WebPubSubServiceClient,
  roles: string[] = allRoles,
  groups: string[] = [],
): Promise<string> {
  const { url } = await service.getClientAccessToken({ userId: 'anna', roles, groups });
  return url;
}

/** Connected, and the greeting read. */
async function connect(t: TestContext, service: WebPubSubServiceClient, groups: string[] = ['g']) {
  const client = await ProtobufClient.open(t, await urlOf(service, allRoles, groups));
  const { connectionId } = connectedIn(await client.next());
  return { client, connectionId };
}

async function connectJson(
  t: TestContext,
  service: WebPubSubServiceClient,
  subprotocol = jsonSubprotocol,
): Promise<FrameClient> {
  const url = await urlOf(service, allRoles, ['g']);
  const client = await FrameClient.open(t, url, { subprotocols: [subprotocol] });
  await client.nextJson();
  return client;
}

interface Connected {
  readonly connectionId: string;
  readonly userId?: string;
  readonly reconnectionToken?: string;
}

function connectedIn(message: JsonObject): Connected {
  // As the schema has it.
  const { connected } = message['system'] as unknown as { readonly connected: Connected };
  return connected;
}

function fromGroup(data: JsonObject): JsonObject {
  return { data: { from: 'group', group: 'g', data } };
}

const noEcho = { group: 'g', noEcho: true };

describe('protobuf client', () => {
  test('protobuf client: what it sends, clients of every other subprotocol get', async (t) => {
    const service = newService(gateway());
    const { client } = await connect(t, service);
    const json = await connectJson(t, service);
    const native = await connectJson(t, service, 'trunkline.v1.json');
    const simple = await FrameClient.open(t, await urlOf(service, allRoles, ['g']));
    await service.sendToUser('anna', 'ready', { contentType: 'text/plain' });
    assert.equal(await simple.frames.next(), 'ready');
    await json.frames.next();

    const parts: JsonObject[] = [
      { textData: 'é"\n' },
      { jsonData: '{"a": 1.0}' },
      { binaryData: 'AP8=' },
      { protobufData: anything },
    ];
    for (const data of parts) client.send({ sendToGroup: { ...noEcho, data } });
    const head = '{"type":"message","from":"group","group":"g","fromUserId":"anna",';
    const frames = [
      `${head}"dataType":"text","data":"é\\"\\n"}`,
      `${head}"dataType":"json","data":{"a": 1.0}}`,
      `${head}"dataType":"binary","data":"AP8="}`,
      `${head}"dataType":"protobuf","data":"${anyBytes.toString('base64')}"}`,
    ];
    assert.deepEqual(await json.frames.take(4), frames);
    const lines: string[] = [];
    while (lines.length < 4) {
      const packed = String(await native.frames.next()).split('\n');
      lines.push(...packed.filter((line) => line.includes('"from":"group"')));
    }
    assert.deepEqual(lines, frames);
    assert.deepEqual(await simple.frames.take(4), [
      ...['é"\n', '{"a": 1.0}'],
      ...[Buffer.from([0, 255]), anyBytes],
    ]);
  });

  test('protobuf client: what it gets of clients of JSON', async (t) => {
    const service = newService(gateway());
    const { client } = await connect(t, service);
    const json = await connectJson(t, service);
    const bodies = [
      { dataType: 'text', data: 'é' },
      { dataType: 'json', data: { a: [1] } },
      { dataType: 'binary', data: 'AP8=' },
      { dataType: 'protobuf', data: anyBytes.toString('base64') },
      { dataType: 'protobuf', data: '////' },
      { dataType: 'text', data: 'x', metadata: { k: 'v' } },
    ];
    for (const body of bodies) json.sendJson({ type: 'sendToGroup', ...noEcho, ...body });
    assert.deepEqual(await client.take(6), [
      fromGroup({ textData: 'é' }),
      fromGroup({ jsonData: '{"a":[1]}' }),
      fromGroup({ binaryData: 'AP8=' }),
      fromGroup({ protobufData: anything }),
      fromGroup({ binaryData: '////' }),
      { data: { from: 'group', group: 'g', data: { textData: 'x' }, metadata: { k: 'v' } } },
    ]);
  });

  test('protobuf client: what it gets of the server, and how it is told to go', async (t) => {
    const service = newService(gateway());
    const { client, connectionId } = await connect(t, service);
    await service.sendToAll({ a: 1 });
    await service.sendToUser('anna', 'text', { contentType: 'text/plain' });
    await service.sendToConnection(connectionId, Uint8Array.from([1, 2]).buffer);
    await service.group('g').sendToAll('group', { contentType: 'text/plain' });
    assert.deepEqual(await client.take(4), [
      { data: { from: 'server', data: { jsonData: '{"a":1}' } } },
      { data: { from: 'server', data: { textData: 'text' } } },
      { data: { from: 'server', data: { binaryData: 'AQI=' } } },
      fromGroup({ textData: 'group' }),
    ]);
    await service.closeConnection(connectionId, { reason: 'out' });
    assert.deepEqual(await client.next(), { system: { disconnected: { reason: 'out' } } });
    assert.equal((await client.closed()).code, 1000);
  });

  test('protobuf client: every command has its answer', async (t) => {
    const service = newService(gateway());
    const url = await urlOf(service, ['webpubsub.joinLeaveGroup.g', 'webpubsub.sendToGroup']);
    const client = await ProtobufClient.open(t, url);
    const { connectionId, ...greeting } = connectedIn(await client.next());
    assert.equal(typeof connectionId, 'string');
    assert.deepEqual(greeting, { userId: 'anna' });
    const success = (ackId: string): JsonObject => ({ ack: { ackId, success: true } });
    assert.deepEqual(await client.ask('joinGroup', { group: 'g' }), success('1'));
    client.send({ sendToGroup: { group: 'g', data: { textData: 'echo' }, ackId: '2' } });
    const both = await client.take(2);
    assert.deepEqual(
      new Set(both.map((each) => JSON.stringify(each))),
      new Set([success('2'), fromGroup({ textData: 'echo' })].map((each) => JSON.stringify(each))),
    );
    const largest = String(2n ** 64n - 1n);
    client.send({ leaveGroup: { group: 'g', ackId: largest } });
    assert.deepEqual(await client.next(), success(largest));
    client.send({ leaveGroup: { group: 'g', ackId: largest } });
    assert.equal(errorIn(await client.next(), largest), 'Duplicate');
    client.send({ joinGroup: { group: 'other', ackId: '9' } });
    assert.equal(errorIn(await client.next(), '9'), 'Forbidden');
    client.send({ event: { event: 'e', data: { textData: '' }, ackId: '10' } });
    assert.equal(errorIn(await client.next(), '10'), 'InvocationFailed');
    client.send({ sequenceAck: { sequenceId: '1' } });
    client.send({ ping: {} });
    assert.deepEqual(await client.next(), { pong: {} });
  });

  test('protobuf client: fragments of a stream are messages; a stream that it starts ends by itself', async (t) => {
    const service = newService(gateway());
    const { client } = await connect(t, service);
    const json = await connectJson(t, service);
    const streamId = 's1';
    json.sendJson({ type: 'sendToGroup', ...noEcho, stream: { streamId } });
    const fragment = { type: 'streamData', streamId, streamSequenceId: 1, dataType: 'text' };
    json.sendJson({ ...fragment, data: 'part' });
    assert.deepEqual(await client.next(), fromGroup({ textData: 'part' }));

    client.send({ sendToGroup: { ...noEcho, stream: { streamId, idleTimeoutMs: 1 } } });
    let end: Record<string, unknown> = {};
    while (end['type'] !== 'message') end = (await json.nextJson()) as typeof end;
    const error = { name: 'IdleTimeout' };
    const { message, ...told } = (end['stream'] as { error: Record<string, unknown> }).error;
    assert.equal(typeof message, 'string');
    assert.deepEqual(told, error);
  });

  test('protobuf client: a text frame closes with 1003, what is no message with 1007', async (t) => {
    const service = newService(gateway());
    const cases = [
      { frame: '{"type":"ping"}', code: 1003, reason: /binary frames only/ },
      { frame: Buffer.alloc(0), code: 1007, reason: /none of the messages/ },
      { frame: Buffer.from('3280', 'hex'), code: 1007, reason: /premature EOF/ },
    ];
    for (const { code, frame, reason } of cases) {
      const { client } = await connect(t, service);
      client.raw.send(frame);
      const last = JSON.stringify(await client.next());
      assert.match(last, reason);
      const closed = await client.closed();
      assert.equal(closed.code, code);
      assert.match(closed.reason, reason);
    }
  });
});

function errorIn(message: JsonObject, ackId: string): string {
  // As the schema has it.
  const ack = message['ack'] as { readonly ackId: string; readonly error: { name: string } };
  assert.equal(ack.ackId, ackId);
  return ack.error.name;
}

/** A reliable connection: its client, and where to come back to it. */
async function connectReliable(t: TestContext, service: WebPubSubServiceClient) {
  const url = await urlOf(service, allRoles, ['g']);
  const client = await ProtobufClient.open(t, url, protobufReliableSubprotocol);
  const { connectionId, reconnectionToken, userId } = connectedIn(await client.next());
  assert.equal(userId, 'anna');
  const query = new URLSearchParams({
    awps_connection_id: connectionId,
    awps_reconnection_token: reconnectionToken ?? '',
  });
  return { client, connectionId, resumeUrl: `${url.split('?')[0]}?${query.toString()}` };
}

function sequenceIdsOf(messages: readonly JsonObject[]): string[] {
  // As the schema has it.
  return messages.map(({ data }) => (data as { readonly sequenceId: string }).sequenceId);
}

describe('reliable protobuf client', () => {
  test('reliable protobuf client: messages are numbered, and nothing else', async (t) => {
    const service = newService(gateway());
    const { client, connectionId } = await connectReliable(t, service);
    await service.group('g').sendToAll('hi', { contentType: 'text/plain' });
    await service.sendToConnection(connectionId, { a: 1 });
    assert.deepEqual(await client.take(2), [
      { data: { from: 'group', group: 'g', data: { textData: 'hi' }, sequenceId: '1' } },
      { data: { from: 'server', data: { jsonData: '{"a":1}' }, sequenceId: '2' } },
    ]);
    assert.deepEqual(await client.ask('joinGroup', { group: 'h' }), {
      ack: { ackId: '1', success: true },
    });
    client.send({ ping: {} });
    assert.deepEqual(await client.next(), { pong: {} });
  });

  test('reliable protobuf client: back on its connection it gets what it has not acknowledged', async (t) => {
    const service = newService(gateway());
    const { client, connectionId, resumeUrl } = await connectReliable(t, service);
    const send = (text: string) =>
      service.group('g').sendToAll(text, { contentType: 'text/plain' });
    for (const text of ['a', 'b', 'c']) await send(text);
    assert.deepEqual(sequenceIdsOf(await client.take(3)), ['1', '2', '3']);
    client.send({ sequenceAck: { sequenceId: '2' } });
    client.send({ ping: {} });
    assert.deepEqual(await client.next(), { pong: {} });
    client.raw.abort();
    await send('d');
    const again = await ProtobufClient.open(t, resumeUrl, protobufReliableSubprotocol);
    const greeting = connectedIn(await again.next());
    assert.equal(greeting.connectionId, connectionId);
    assert.notEqual(greeting.reconnectionToken ?? '', '');
    assert.deepEqual(await again.take(2), [
      { data: { from: 'group', group: 'g', data: { textData: 'c' }, sequenceId: '3' } },
      { data: { from: 'group', group: 'g', data: { textData: 'd' }, sequenceId: '4' } },
    ]);
  });

  test('reliable protobuf client: at another node it goes on with what it was', async (t) => {
    const broker = new MemoryBroker();
    const start = async (): Promise<TestGateway> => {
      const node = await startTestGateway({}, { backplane: new MemoryBackplane(broker) });
      t.after(() => node.stop());
      return node;
    };
    const [first, second] = [await start(), await start()];
    const service = newService(first);
    const { client, connectionId, resumeUrl } = await connectReliable(t, service);
    const send = (text: string) =>
      service.group('g').sendToAll(text, { contentType: 'text/plain' });
    for (const text of ['a', 'b']) await send(text);
    await client.take(2);
    client.send({ sequenceAck: { sequenceId: '1' } });
    assert.deepEqual(await client.ask('joinGroup', { group: 'h' }), {
      ack: { ackId: '1', success: true },
    });
    client.raw.abort();
    await send('c');
    const there = resumeUrl.replace(`:${first.gateway.port}`, `:${second.gateway.port}`);
    const again = await ProtobufClient.open(t, there, protobufReliableSubprotocol);
    assert.equal(connectedIn(await again.next()).connectionId, connectionId);
    await send('d');
    await service.group('h').sendToAll('e', { contentType: 'text/plain' });
    const inG = (textData: string, sequenceId: string): JsonObject => ({
      data: { from: 'group', group: 'g', data: { textData }, sequenceId },
    });
    assert.deepEqual(await again.take(4), [
      ...[inG('b', '2'), inG('c', '3'), inG('d', '4')],
      { data: { from: 'group', group: 'h', data: { textData: 'e' }, sequenceId: '5' } },
    ]);
    assert.deepEqual([first.errors, second.errors], [[], []]);
  });

  test('reliable protobuf client: a resume as another subprotocol closes with 1008', async (t) => {
    const service = newService(gateway());
    const { resumeUrl } = await connectReliable(t, service);
    const others = ['protobuf.webpubsub.azure.v1', 'json.reliable.webpubsub.azure.v1'];
    for (const other of others) {
      const refused = await FrameClient.open(t, resumeUrl, { subprotocols: [other] });
      assert.equal((await refused.closed()).code, 1008, other);
    }
  });
});
