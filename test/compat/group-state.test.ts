/**
 * Group state, Azure's presence: the codec of the published client writes what is sent and reads what
 * comes (its client has no methods for it yet); protobuf by the schema of the preview.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test, type TestContext } from 'node:test';
import { WebPubSubJsonProtocol, type WebPubSubMessage } from '@azure/web-pubsub-client';
import { MemoryBackplane, MemoryBroker } from '../../backplanes/memory/memory-backplane.ts';
import { clientUrl, signClientToken } from '../../gateway/tokens/sign.ts';
import { FrameClient } from '../support/frame-client.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { PresenceClient } from '../support/presence-client.ts';
import { ProtobufClient } from '../support/protobuf-client.ts';
import { waitFor } from '../support/wait.ts';

const codec = WebPubSubJsonProtocol();
const hub = 'chat';
const roles = ['webpubsub.joinLeaveGroup'];

let first: TestGateway;
let second: TestGateway;

before(async () => {
  const broker = new MemoryBroker();
  const start = (): Promise<TestGateway> =>
    startTestGateway({}, { backplane: new MemoryBackplane(broker) });
  [first, second] = await Promise.all([start(), start()]);
});
after(async () => {
  await Promise.all([first.stop(), second.stop()]);
  assert.deepEqual([...first.errors, ...second.errors], []);
});

function urlOf(gateway: TestGateway, userId: string, groups: readonly string[]): string {
  const { accessKey, url: endpoint } = gateway;
  const token = signClientToken({ accessKey, endpoint, hub, userId, roles, groups });
  return clientUrl(endpoint, hub, token);
}

/** A connection whose frames the codec of the published client writes and reads. */
class Client {
  readonly frames: FrameClient;
  connectionId = '';
  reconnectionToken = '';
  #ackId = 0;

  constructor(frames: FrameClient) {
    this.frames = frames;
  }

  static async open(t: TestContext, url: string, name = codec.name): Promise<Client> {
    const client = new Client(await FrameClient.open(t, url, { subprotocols: [name] }));
    const connected = await client.next('connected');
    client.connectionId = connected.connectionId;
    client.reconnectionToken = connected.reconnectionToken;
    return client;
  }

  /** Sends, and waits for the ack. */
  async ask(message: { readonly kind: string; readonly [field: string]: unknown }): Promise<void> {
    this.#ackId += 1;
    // One of the messages of the client's types.
    const whole = { ...message, ackId: this.#ackId } as unknown as WebPubSubMessage;
    const frame = codec.writeMessage(whole);
    assert.ok(typeof frame === 'string');
    this.frames.send(frame);
    const ack = await this.next('ack');
    assert.ok(ack.success, JSON.stringify(ack));
  }

  /** The next message of a kind; others before it are dropped. */
  async next<Kind extends WebPubSubMessage['kind']>(
    kind: Kind,
  ): Promise<Extract<WebPubSubMessage, { kind: Kind }>> {
    for (;;) {
      const read = codec.parseMessages(String(await this.frames.frames.next()));
      for (const message of Array.isArray(read) ? read : [read]) {
        // The kind that was just compared.
        if (message?.kind === kind) return message as Extract<WebPubSubMessage, { kind: Kind }>;
      }
    }
  }
}

describe('group state', () => {
  test('group state: a snapshot after the ack, then updates, over nodes', async (t) => {
    const anna = await Client.open(t, urlOf(first, 'anna', ['g']));
    const ben = await Client.open(t, urlOf(second, 'ben', ['g']));
    await ben.ask({ kind: 'setGroupState', group: 'g', state: { status: 'away' } });
    await anna.ask({ kind: 'subscribeGroupState', group: 'g' });
    const snapshot = await anna.next('groupStateSnapshot');
    assert.equal(snapshot.group, 'g');
    const [item] = snapshot.items;
    assert.ok(item !== undefined && snapshot.items.length === 1, 'only who has a state');
    const { updatedAt, ...rest } = item;
    const itself = { connectionId: ben.connectionId, userId: 'ben' };
    assert.deepEqual(rest, { ...itself, state: { status: 'away' } });

    await ben.ask({ kind: 'setGroupState', group: 'g', state: { status: 'typing' } });
    const [changed] = (await anna.next('groupStateUpdate')).items;
    assert.deepEqual(changed?.state, { status: 'typing' });
    assert.ok(changed.updatedAt >= updatedAt);
    await ben.ask({ kind: 'setGroupState', group: 'g' });
    const [cleared] = (await anna.next('groupStateUpdate')).items;
    assert.deepEqual({ ...cleared, updatedAt: 0 }, { ...itself, updatedAt: 0 });
    await ben.ask({ kind: 'setGroupState', group: 'g', state: { status: 'back' } });
    assert.deepEqual((await anna.next('groupStateUpdate')).items[0]?.state, { status: 'back' });
    await ben.frames.close();
    const [left] = (await anna.next('groupStateUpdate')).items;
    assert.deepEqual({ ...left, updatedAt: 0 }, { ...itself, updatedAt: 0 });
    await anna.ask({ kind: 'unsubscribeGroupState', group: 'g' });
  });

  test('group state: of a group without any, the snapshot is empty', async (t) => {
    const anna = await Client.open(t, urlOf(first, 'anna', ['empty']));
    await anna.ask({ kind: 'subscribeGroupState', group: 'empty' });
    assert.deepEqual((await anna.next('groupStateSnapshot')).items, []);
  });

  test('group state: in protobuf, side by side with JSON', async (t) => {
    const anna = await ProtobufClient.open(t, urlOf(first, 'anna', ['p']));
    await anna.next();
    const ben = await Client.open(t, urlOf(second, 'ben', ['p']));
    const state = { values: { status: 'here' } };
    assert.deepEqual(await anna.ask('setGroupState', { group: 'p', state }), {
      ack: { ackId: '1', success: true },
    });
    await ben.ask({ kind: 'subscribeGroupState', group: 'p' });
    const { items } = await ben.next('groupStateSnapshot');
    assert.deepEqual(
      items.map((each) => each.state),
      [{ status: 'here' }],
    );
    await anna.ask('subscribeGroupState', { group: 'p' });
    const { groupStateSnapshot } = await anna.next();
    const { connectionId = '', updatedAt = 0 } = items[0] ?? {};
    const own = { connectionId, userId: 'anna', state, updatedAt: String(updatedAt) };
    assert.deepEqual(groupStateSnapshot, { group: 'p', items: [own] });
    await ben.ask({ kind: 'setGroupState', group: 'p', state: { a: 'b' } });
    const { groupStateUpdate } = await anna.next();
    assert.ok(JSON.stringify(groupStateUpdate).includes('"values":{"a":"b"}'));
  });

  test('group state: a reliable client that comes back by another node', async (t) => {
    const watcher = await PresenceClient.connect(second, { userId: 'watcher', groups: ['r'] });
    t.after(() => watcher.cut());
    const view = await watcher.watch('r');
    const name = 'json.reliable.webpubsub.azure.v1';
    const anna = await Client.open(t, urlOf(first, 'anna', ['r']), name);
    await anna.ask({ kind: 'setGroupState', group: 'r', state: { mood: 'fine' } });
    await anna.ask({ kind: 'subscribeGroupState', group: 'r' });
    const { connectionId, reconnectionToken } = anna;
    const known = await waitFor(
      () => {
        const member = view.members.get(connectionId);
        return member?.state === undefined ? undefined : member;
      },
      { what: 'anna and her state are seen' },
    );
    const missing: string[] = [];
    view.onFrame = ({ kind }) => {
      if (!view.members.has(connectionId)) missing.push(kind);
    };
    anna.frames.abort();
    const query = new URLSearchParams({
      awps_connection_id: connectionId,
      awps_reconnection_token: reconnectionToken,
    });
    const url = `${second.wsUrl}/client/hubs/${hub}?${query.toString()}`;
    const back = await Client.open(t, url, name);
    assert.equal(back.connectionId, connectionId);
    const { items } = await back.next('groupStateSnapshot');
    assert.deepEqual(
      items.map((each) => each.state),
      [{ mood: 'fine' }],
    );
    await watcher.done({ type: 'setState', group: 'r', state: { last: 'word' } });
    await waitFor(() => view.members.get(watcher.connectionId)?.state?.['last'] === 'word', {
      what: 'the last word is seen',
    });
    assert.deepEqual(missing, []);
    assert.deepEqual(view.members.get(connectionId), known, 'since when, and what she says');
  });
});
