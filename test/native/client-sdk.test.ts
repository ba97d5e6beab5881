/** The SDK against real gateways, two nodes of one memory broker, by a proxy that can be cut. */
import assert from 'node:assert/strict';
import { after, before, describe, test, type TestContext } from 'node:test';
import { WebSocket, type MessageEvent } from 'ws';
import { MemoryBackplane, MemoryBroker } from '../../backplanes/memory/memory-backplane.ts';
import { json } from '../../client-sdk/src/codec.ts';
import {
  createClient,
  type Client,
  type ClientOptions,
  type Codec,
  type Group,
  type TokenReason,
} from '../../client-sdk/src/index.ts';
import { msgpack } from '../../client-sdk/src/msgpack/index.ts';
import { signClientToken, signServerToken } from '../../gateway/tokens/sign.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { waitFor } from '../support/wait.ts';

const hub = 'chat';
const publicEndpoint = 'http://gateway.example';
const roles = ['webpubsub.joinLeaveGroup', 'webpubsub.sendToGroup'];
const settings = {
  publicEndpoints: [publicEndpoint],
  hubs: {
    [hub]: {
      streams: [
        { match: 'group:room.*', retention: 'short' },
        { match: 'user:*', retention: 'short' },
      ],
    },
  },
  retention: { short: { messages: 100, seconds: 600, bytes: 1_000_000 } },
  limits: { tokenGraceMs: 0, drainDelayMs: 0, drainSpreadMs: 20_000 },
};

/** Drops the first ack of a publish together with the connection; made for one test. */
function ackLosingSocket(codec: Codec): typeof WebSocket & { losses: number } {
  return class AckLosingSocket extends WebSocket {
    static losses = 0;

    override addEventListener(
      ...[type, listener]: Parameters<WebSocket['addEventListener']>
    ): void {
      if (type !== 'message' || typeof listener !== 'function') {
        return super.addEventListener(type, listener);
      }
      // The listener of `message` gets such events.
      const deliver = listener as (event: MessageEvent) => void;
      super.addEventListener('message', (event) => {
        const isAck = codec
          .decode(event.data)
          .some(({ id, type }) => type === 'ack' && id !== undefined);
        if (!isAck || AckLosingSocket.losses > 0) return deliver(event);
        AckLosingSocket.losses += 1;
        this.terminate();
      });
    }
  };
}

function heard(group: Pick<Group, 'on'>): unknown[] {
  const all: unknown[] = [];
  group.on('message', ({ data }) => all.push(data));
  group.on('gap', ({ reason }) => all.push(`gap ${reason}`));
  return all;
}

const isLive = (group: Pick<Group, 'state'>) => (): boolean => group.state === 'live';

for (const codec of [json, msgpack])
  describe(`the SDK on two gateways: ${codec.subprotocol}`, () => {
    let nodes: readonly [TestGateway, TestGateway];

    before(async () => {
      const broker = new MemoryBroker();
      const start = (): Promise<TestGateway> =>
        startTestGateway(settings, { backplane: new MemoryBackplane(broker) });
      nodes = await Promise.all([start(), start()]);
    });

    after(async () => {
      await Promise.all(nodes.map((node) => node.stop()));
      assert.deepEqual(
        nodes.flatMap(({ errors }) => errors),
        [],
      );
    });

    function tokenOf(userId: string, lifetimeSeconds = 3600): string {
      const { accessKey } = nodes[0];
      const minutesToExpire = lifetimeSeconds / 60;
      const options = { accessKey, endpoint: publicEndpoint, hub, userId, roles };
      return signClientToken({ ...options, minutesToExpire });
    }

    function connect(
      t: TestContext,
      port: number,
      userId: string,
      options: Partial<ClientOptions> = {},
    ): Client {
      const client = createClient({
        url: `ws://127.0.0.1:${port}/client/hubs/${hub}`,
        getToken: () => tokenOf(userId),
        WebSocket,
        backoffBaseMs: 20,
        codec,
        ...options,
      });
      client.on('error', (error) => assert.fail(error));
      t.after(() => client.close());
      return client;
    }

    async function proxyTo(t: TestContext, node: TestGateway): Promise<[TcpProxy, number]> {
      const proxy = new TcpProxy(node.gateway.port);
      const port = await proxy.listen();
      t.after(() => proxy.close());
      return [proxy, port];
    }

    test('sdk: what is published on one node arrives on the other, with its history', async (t) => {
      const [first, second] = nodes;
      const anna = connect(t, first.gateway.port, 'anna').group('room.plain');
      const ben = connect(t, second.gateway.port, 'ben').group('room.plain');
      const got = heard(ben);
      await waitFor(isLive(ben), { what: 'ben has joined' });
      const { position } = await anna.publish({ text: 'hi' });
      await anna.publish(Uint8Array.of(0, 255), { metadata: { kind: 'bytes' } });
      await waitFor(() => got.length === 2, { what: 'both messages arrived' });
      assert.deepEqual(got, [{ text: 'hi' }, Uint8Array.of(0, 255)]);
      const { isComplete, messages } = await ben.history({ reverse: true });
      assert.equal(isComplete, true);
      assert.deepEqual(
        messages.map(({ data, fromUserId }) => [data, fromUserId]),
        got.toReversed().map((data) => [data, 'anna']),
      );
      assert.deepEqual(messages[1]?.position, position);
    });

    test('sdk: a cut and another node: everything comes, in order and once', async (t) => {
      const [first, second] = nodes;
      const [proxy, port] = await proxyTo(t, first);
      const client = connect(t, port, 'carla');
      const group = client.group('room.resume');
      const [fromGroup, fromUser] = [heard(group), heard(client.user())];
      await waitFor(isLive(group), { what: 'carla has joined' });
      const publisher = connect(t, second.gateway.port, 'dan');
      const other = publisher.group('room.resume');
      const toUser = async (text: string): Promise<void> => {
        const url = `${publicEndpoint}/api/hubs/${hub}/users/carla/:send?api-version=2024-12-01`;
        const token = signServerToken({ accessKey: first.accessKey, url });
        const response = await fetch(url.replace(publicEndpoint, second.url), {
          method: 'POST',
          body: text,
          headers: { authorization: `Bearer ${token}`, 'content-type': 'text/plain' },
        });
        assert.equal(response.status, 202);
      };
      await other.publish(0);
      await waitFor(() => fromGroup.length === 1, { what: 'the first message arrived' });
      for (let round = 1; round <= 4; round += 1) {
        proxy.refuse();
        proxy.cut();
        await waitFor(() => group.state === 'recovering', { what: 'the cut was noticed' });
        await other.publish(2 * round - 1);
        await toUser(String(round));
        proxy.targetPort = nodes[round % 2 === 0 ? 0 : 1].gateway.port;
        proxy.welcome();
        await other.publish(2 * round);
        await waitFor(() => fromGroup.length > 2 * round && fromUser.length >= round, {
          what: 'what was missed arrived',
        });
      }
      assert.deepEqual(fromGroup, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
      assert.deepEqual(fromUser, ['1', '2', '3', '4']);
    });

    test('sdk: a publish whose ack was lost has one effect, and does not come back to its sender', async (t) => {
      const [first, second] = nodes;
      const reader = connect(t, second.gateway.port, 'emma').group('room.once');
      const AckLosingSocket = ackLosingSocket(codec);
      const client = connect(t, first.gateway.port, 'finn', { WebSocket: AckLosingSocket });
      const group = client.group('room.once');
      const [got, echoes] = [heard(reader), heard(group)];
      await waitFor(() => isLive(reader)() && isLive(group)(), { what: 'both have joined' });
      const { position } = await group.publish('once', { noEcho: true });
      await reader.publish('after');
      await waitFor(() => got.length >= 2 && echoes.length >= 1, { what: 'the end arrived' });
      assert.equal(AckLosingSocket.losses, 1);
      assert.deepEqual([got, echoes], [['once', 'after'], ['after']]);
      const { messages } = await reader.history();
      assert.deepEqual(messages[0]?.position, position);
    });

    test('sdk: a new token keeps the connection that the first one would have ended', async (t) => {
      const reasons: TokenReason[] = [];
      const client = connect(t, nodes[0].gateway.port, 'gina', {
        getToken: ({ reason }) => {
          reasons.push(reason);
          return tokenOf('gina', reason === 'connect' ? 5 : 3600);
        },
        // It asks early, long before the token's end, however slow the machine is.
        environment: { random: () => 0 },
      });
      const group = client.group('room.tokens');
      await waitFor(isLive(group), { what: 'gina has joined' });
      const states: string[] = [];
      client.on('state', ({ state }) => states.push(state));
      await waitFor(() => reasons.length > 1, { what: 'a new token was asked for' });
      await group.publish('still here');
      assert.deepEqual([reasons, states], [['connect', 'refresh'], []]);
    });

    test('sdk: a node that drains is left without a pause, and nothing is lost', async (t) => {
      const broker = new MemoryBroker();
      const start = (): Promise<TestGateway> =>
        startTestGateway(settings, { backplane: new MemoryBackplane(broker) });
      const [old, next] = await Promise.all([start(), start()]);
      t.after(() => Promise.all([old.stop(), next.stop()]));
      const [proxy, port] = await proxyTo(t, old);
      // It goes early, long before the old node would close, however slow the machine is.
      const client = connect(t, port, 'hugo', { environment: { random: () => 0.01 } });
      const group = client.group('room.drain');
      const got = heard(group);
      const states: string[] = [];
      await waitFor(isLive(group), { what: 'hugo has joined' });
      client.on('state', ({ reason, state }) => states.push(`${reason} ${state}`));
      const publisher = connect(t, next.gateway.port, 'ina').group('room.drain');
      proxy.targetPort = next.gateway.port;
      const drained = old.gateway.drain();
      let sent = 0;
      while (states.length === 0) {
        await publisher.publish(sent);
        sent += 1;
      }
      await publisher.publish(sent);
      await drained;
      await waitFor(() => got.length > sent, { what: 'everything arrived' });
      assert.deepEqual(got, [...Array(sent + 1).keys()]);
      assert.deepEqual(states, ['moved connected']);
    });

    test('sdk: what the gateway refuses is told with its name', async (t) => {
      const client = createClient({
        url: `ws://127.0.0.1:${nodes[0].gateway.port}/client/hubs/${hub}`,
        getToken: () => {
          const { accessKey } = nodes[0];
          return signClientToken({ accessKey, endpoint: publicEndpoint, hub, userId: 'jo' });
        },
        WebSocket,
        codec,
      });
      t.after(() => client.close());
      const refusals: (string | undefined)[] = [];
      client.on('error', ({ refusal }) => refusals.push(refusal));
      const group = client.group('room.closed');
      await assert.rejects(group.publish(1), { code: 'refused', refusal: 'Forbidden' });
      await assert.rejects(client.send('x', 1), { refusal: 'InvocationFailed' });
      await assert.rejects(client.invoke('x', 1), { refusal: 'InvocationFailed' });
      await waitFor(() => group.state === 'left', { what: 'the join was refused' });
      assert.deepEqual(refusals, ['Forbidden']);
    });
  });
