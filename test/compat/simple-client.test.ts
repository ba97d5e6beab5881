/** Clients without a subprotocol: frames are payload, both ways. */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import type { WebPubSubServiceClient } from '@azure/web-pubsub';
import { FrameClient, UpgradeRefusal } from '../support/frame-client.ts';
import { allRoles, startSdkClient } from '../support/sdk-client.ts';
import { newService, rejection, rest, useGateway } from './suite.ts';

const gateway = useGateway();

interface Settings {
  readonly userId?: string;
  readonly roles?: string[];
  readonly groups?: string[];
  readonly query?: string;
}

/** Connected, and known to the gateway: what is sent from now on reaches it. */
async function connect(
  t: TestContext,
  service: WebPubSubServiceClient,
  { query = '', userId = 'simple', ...others }: Settings = {},
): Promise<FrameClient> {
  const token = { userId, roles: allRoles, ...others };
  const { url } = await service.getClientAccessToken(token);
  const client = await FrameClient.open(t, url + query);
  await service.sendToUser(userId, 'ready', { contentType: 'text/plain' });
  assert.equal(await client.frames.next(), 'ready');
  return client;
}

describe('what a simple client receives', () => {
  test('json and text are text frames with the payload alone, binary is a binary frame', async (t) => {
    const service = newService(gateway());
    const client = await connect(t, service, { groups: ['g'] });
    const json = '{"b":1,"a":2,"n":1.0}';
    const path = `/api/hubs/${service.hubName}/groups/g/:send`;
    const headers = { 'content-type': 'application/json' };
    const response = await rest(gateway(), path, { method: 'POST', headers, body: json });
    assert.equal(response.status, 202);
    assert.equal(await client.frames.next(), json);
    await service.sendToAll('ünï "text"', { contentType: 'text/plain' });
    assert.equal(await client.frames.next(), 'ünï "text"');
    await service.sendToAll('as JSON');
    assert.equal(await client.frames.next(), '"as JSON"');
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
    await service.sendToAll(bytes.buffer);
    assert.deepEqual(await client.frames.next(), Buffer.from(bytes));
  });

  test('messages of JSON clients, and of simple ones to them', async (t) => {
    const service = newService(gateway());
    const client = await connect(t, service, {
      groups: ['g'],
      query: '&webpubsub_mode=sendToGroup&group=g',
    });
    const anna = await startSdkClient(t, service, { token: { userId: 'anna', groups: ['g'] } });
    await anna.client.sendToGroup('g', { x: [1, 2] }, 'json');
    assert.equal(await client.frames.next(), '{"x":[1,2]}');
    await anna.client.sendToGroup('g', 'text', 'text');
    assert.equal(await client.frames.next(), 'text');
    await anna.client.sendToGroup('g', new Uint8Array([1, 2]).buffer, 'binary');
    assert.deepEqual(await client.frames.next(), Buffer.from([1, 2]));
    await anna.groupMessages.take(3);

    client.send('from simple');
    client.send(new Uint8Array([3, 4]));
    const [text, binary] = await anna.groupMessages.take(2);
    assert.deepEqual(
      [text?.fromUserId, text?.dataType, text?.data],
      ['simple', 'text', 'from simple'],
    );
    assert.deepEqual([binary?.dataType, binary?.data], ['binary', new Uint8Array([3, 4]).buffer]);
    // There is no way to ask for no echo.
    assert.deepEqual(await client.frames.take(2), ['from simple', Buffer.from([3, 4])]);
  });

  test('no connected message, no disconnected message, but the close with 1000', async (t) => {
    const service = newService(gateway());
    const client = await connect(t, service);
    await service.closeUserConnections('simple', { reason: 'the reason' });
    assert.deepEqual(await client.closed(), { code: 1000, reason: 'the reason' });
    assert.deepEqual(client.frames.unread, []);
  });

  test('metadata and times to live do not show', async (t) => {
    const service = newService(gateway());
    const client = await connect(t, service);
    await service.sendToAll('x', {
      contentType: 'text/plain',
      messageTtlSeconds: 60,
      requestOptions: { customHeaders: { 'X-WebPubSub-Metadata-k': 'v' } },
    });
    assert.equal(await client.frames.next(), 'x');
  });
});

describe('webpubsub_mode', () => {
  test('sendEvent, the default: an event that nobody takes ends the connection with 1011', async (t) => {
    for (const query of ['', '&webpubsub_mode=sendEvent', '&webpubsub_mode=SENDEVENT']) {
      for (const frame of ['hello', new Uint8Array([1])]) {
        const client = await connect(t, newService(gateway()), { query });
        client.send(frame);
        const { code, reason } = await client.closed();
        assert.equal(code, 1011);
        assert.match(reason, /message/);
      }
    }
  });

  test('sendToGroup: the group may have any name', async (t) => {
    const service = newService(gateway());
    const group = 'a/ü 😀%';
    const query = `&webpubsub_mode=sendToGroup&group=${encodeURIComponent(group)}`;
    const client = await connect(t, service, { query, groups: [group] });
    client.send('x');
    assert.equal(await client.frames.next(), 'x');
  });

  test('sendToGroup: without the permission the upgrade is refused', async (t) => {
    const service = newService(gateway());
    const query = '&webpubsub_mode=sendToGroup&group=g';
    const refused = connect(t, service, { query, roles: ['webpubsub.sendToGroup.other'] });
    const error = await rejection(refused);
    assert.ok(error instanceof UpgradeRefusal);
    assert.equal(error.status, 403);
    assert.match(error.body, /webpubsub\.sendToGroup/);
    await connect(t, service, { query, roles: ['webpubsub.sendToGroup.g'] });
  });

  test('sendToGroup: a permission that was taken back ends the connection with 1008', async (t) => {
    const service = newService(gateway());
    const query = '&webpubsub_mode=sendToGroup&group=g';
    const client = await connect(t, service, { query, groups: ['g'] });
    const list = await service.group('g').listConnections();
    for await (const { connectionId } of list) {
      await service.revokePermission(connectionId, 'sendToGroup');
    }
    client.send('x');
    assert.equal((await client.closed()).code, 1008);
    assert.deepEqual(client.frames.unread, []);
  });

  test('bad modes: 400 that says what is missing', async (t) => {
    const service = newService(gateway());
    for (const query of [
      '&webpubsub_mode=conquer',
      '&webpubsub_mode=sendToGroup',
      '&webpubsub_mode=sendToGroup&group=',
      '&webpubsub_mode=sendToGroup&group=%20',
    ]) {
      const error = await rejection(connect(t, service, { query }));
      assert.ok(error instanceof UpgradeRefusal);
      assert.equal(error.status, 400, query);
      assert.match(error.body, /webpubsub_mode/);
    }
  });
});

describe('simple clients are connections like others', () => {
  test('groups, users and permissions by the server', async (t) => {
    const service = newService(gateway());
    const client = await connect(t, service, { userId: 'anna' });
    assert.equal(await service.userExists('anna'), true);
    await service.group('g').addUser('anna');
    await service.group('g').sendToAll('to the group', { contentType: 'text/plain' });
    assert.equal(await client.frames.next(), 'to the group');
    await service.sendToAll('chosen', { filter: "'g' in groups", contentType: 'text/plain' });
    assert.equal(await client.frames.next(), 'chosen');
    await client.close();
  });

  test('text that is not UTF-8 does not reach the group', async (t) => {
    const service = newService(gateway());
    const query = '&webpubsub_mode=sendToGroup&group=g';
    const client = await connect(t, service, { query, userId: 'anna', groups: ['g'] });
    const other = await connect(t, service, { userId: 'ben', groups: ['g'] });
    // The library would not send it: a text frame with the byte 0xff, masked with zeros.
    client.sendRaw(Uint8Array.of(0x81, 0x81, 0, 0, 0, 0, 0xff));
    const { code } = await client.closed();
    assert.ok([1006, 1007].includes(code), String(code));
    await service.sendToAll('end', { contentType: 'text/plain' });
    assert.equal(await other.frames.next(), 'end');
  });
});
