/** Presence in the client SDK against real gateways, two nodes of one memory broker. */
import assert from 'node:assert/strict';
import { after, before, describe, test, type TestContext } from 'node:test';
import { WebSocket } from 'ws';
import { MemoryBackplane, MemoryBroker } from '../../backplanes/memory/memory-backplane.ts';
import { createClient, type Client, type ClientOptions } from '../../client-sdk/src/index.ts';
import { presence, type Presence } from '../../client-sdk/src/presence/index.ts';
import { signClientToken } from '../../gateway/tokens/sign.ts';
import { startTestGateway, type TestGateway } from '../support/gateway.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { waitFor } from '../support/wait.ts';

const hub = 'chat';
const publicEndpoint = 'http://gateway.example';
/** Much longer than any machine takes to bring a client back: within it, nobody may seem to go. */
const patienceMs = 30_000;
const settings = {
  publicEndpoints: [publicEndpoint],
  limits: {
    presenceMembersMax: 10,
    presenceGraceMs: patienceMs,
    presenceAwayAfterMs: patienceMs,
    drainDelayMs: 0,
    drainSpreadMs: 200,
  },
};

/** Everything that is told of single members, in short. */
function told(online: Pick<Presence, 'on'>): string[] {
  const all: string[] = [];
  for (const event of ['join', 'update', 'leave'] as const) {
    online.on(event, ({ state, userId }) => {
      const said = Object.entries(state).map(([name, value]) => ` ${name}=${value}`);
      all.push(`${event} ${userId}${said.join('')}`);
    });
  }
  return all;
}

const names = ({ members }: Pick<Presence, 'members'>): string =>
  [...members.keys()].toSorted().join(' ');

describe('presence of the SDK on two gateways', () => {
  let broker: MemoryBroker;
  let nodes: readonly [TestGateway, TestGateway];

  const start = (): Promise<TestGateway> =>
    startTestGateway(settings, { backplane: new MemoryBackplane(broker) });

  before(async () => {
    broker = new MemoryBroker();
    nodes = await Promise.all([start(), start()]);
  });

  after(async () => {
    await Promise.all(nodes.map((node) => node.stop()));
    assert.deepEqual(
      nodes.flatMap(({ errors }) => errors),
      [],
    );
  });

  function connect(t: TestContext, port: number, userId: string, roles: string[] = []): Client {
    const { accessKey } = nodes[0];
    const given = ['webpubsub.joinLeaveGroup', ...roles];
    const options: ClientOptions = {
      url: `ws://127.0.0.1:${port}/client/hubs/${hub}`,
      getToken: () =>
        signClientToken({ accessKey, endpoint: publicEndpoint, hub, userId, roles: given }),
      WebSocket,
      backoffBaseMs: 20,
    };
    const client = createClient(options);
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

  async function shows(online: Pick<Presence, 'members'>, expected: string): Promise<void> {
    await waitFor(() => names(online) === expected, { what: `"${expected}" is shown` });
  }

  test('presence sdk: users of both nodes come, say something, and go', async (t) => {
    const [first, second] = nodes.map(({ gateway }) => gateway.port);
    assert.ok(first !== undefined && second !== undefined);
    const annas = connect(t, first, 'anna').group('room');
    const online = presence(annas);
    await shows(online, 'anna');
    const events = told(online);
    const phone = connect(t, second, 'ben');
    const bens = presence(phone.group('room'));
    bens.setState({ at: 'phone' });
    await shows(bens, 'anna ben');
    await shows(online, 'anna ben');
    const desk = connect(t, first, 'ben');
    desk.group('room');
    const devices = (): number => online.members.get('ben')?.connections.length ?? 0;
    await waitFor(() => devices() === 2, { what: 'ben has two connections' });
    assert.deepEqual(
      [online.get().users, online.get().connections, online.get().isCurrent],
      [2, 3, true],
    );
    await waitFor(() => online.members.get('ben')?.state['at'] === 'phone', {
      what: 'ben says where he is',
    });
    bens.setState(undefined);
    await waitFor(() => online.members.get('ben')?.state['at'] === undefined, {
      what: 'ben says nothing',
    });
    phone.close();
    await waitFor(() => devices() === 1, { what: 'one connection of ben is left' });
    desk.group('room').leave();
    desk.close();
    await shows(online, 'anna');
    assert.equal(events.at(-1), 'leave ben');
    assert.equal(events.filter((event) => /^(?:join|leave)/.test(event)).length, 2);
  });

  test('presence sdk: cut off and on another node: only the difference is told', async (t) => {
    const [first, second] = nodes;
    const [proxy, port] = await proxyTo(t, first);
    const [bensProxy, bensPort] = await proxyTo(t, first);
    const anna = connect(t, port, 'anna');
    const online = presence(anna.group('cut'), { holdMs: patienceMs });
    const bens = presence(connect(t, bensPort, 'ben').group('cut'));
    bens.setState({ mood: 'fine' });
    const carla = connect(t, second.gateway.port, 'carla');
    const carlas = presence(carla.group('cut'));
    await waitFor(() => online.members.get('ben')?.state['mood'] === 'fine', {
      what: 'the state of ben is shown',
    });
    await shows(online, 'anna ben carla');
    await shows(carlas, 'anna ben carla');
    const [events, carlasEvents] = [told(online), told(carlas)];
    proxy.refuse();
    proxy.targetPort = second.gateway.port;
    for (const each of [proxy, bensProxy]) each.cut();
    await waitFor(() => !online.get().isCurrent, { what: 'the cut was noticed' });
    const dan = connect(t, second.gateway.port, 'dan');
    dan.group('cut');
    await shows(carlas, 'anna ben carla dan');
    proxy.welcome();
    await shows(online, 'anna ben carla dan');
    await waitFor(() => online.get().isCurrent, { what: 'anna watches again' });
    await waitFor(
      () => [online, carlas].every(({ members }) => members.get('ben')?.connections.length === 1),
      { what: 'the lost connection of ben is gone' },
    );
    for (const all of [events, carlasEvents]) {
      assert.deepEqual(
        all.filter((event) => !event.startsWith('update')),
        ['join dan'],
      );
      assert.ok(
        all.every((event) => !/^update ben$/.test(event)),
        'ben lost his state',
      );
    }
    carla.close();
    await shows(online, 'anna ben dan');
  });

  test('presence sdk: a node that drains is left, and nobody seems to go or come', async (t) => {
    const [old, next] = await Promise.all([start(), start()]);
    t.after(() => Promise.all([old.stop(), next.stop()]));
    const [proxy, port] = await proxyTo(t, old);
    const watchers = ['anna', 'ben', 'carla'].map((name) =>
      presence(connect(t, port, name).group('drain')),
    );
    for (const online of watchers) await shows(online, 'anna ben carla');
    const events = watchers.map(told);
    proxy.targetPort = next.gateway.port;
    await old.gateway.drain();
    const there = presence(connect(t, next.gateway.port, 'dan').group('drain'));
    await shows(there, 'anna ben carla dan');
    for (const online of watchers) await shows(online, 'anna ben carla dan');
    for (const all of events) {
      assert.deepEqual(
        all.filter((event) => !event.startsWith('update')),
        ['join dan'],
      );
    }
  });

  test('presence sdk: everybody online, and a crowd that is only counted', async (t) => {
    const { port } = nodes[0].gateway;
    const online = presence(connect(t, port, 'watcher', ['trunkline.watchPresence']));
    await waitFor(() => online.get().isCurrent, { what: 'it is told who is online' });
    const crowd = Array.from({ length: 12 }, (_, index) => connect(t, port, `c${index}`));
    await waitFor(() => online.get().isCounting && online.get().connections >= 13, {
      what: 'the crowd is counted',
    });
    assert.deepEqual([online.members.size, online.get().users], [0, undefined]);
    for (const client of crowd.slice(2)) client.close();
    await shows(online, 'c0 c1 watcher');
  });

  test('presence sdk: who may not watch is told so, once', async (t) => {
    const errors: (string | undefined)[] = [];
    const eve = createClient({
      url: `ws://127.0.0.1:${nodes[0].gateway.port}/client/hubs/${hub}`,
      getToken: () =>
        signClientToken({
          accessKey: nodes[0].accessKey,
          endpoint: publicEndpoint,
          hub,
          userId: 'eve',
        }),
      WebSocket,
    });
    t.after(() => eve.close());
    eve.on('error', ({ refusal }) => errors.push(refusal));
    const online = presence(eve);
    await waitFor(() => errors.length > 0, { what: 'the watch was refused' });
    assert.deepEqual([errors, online.get().isCurrent], [['Forbidden'], false]);
  });
});
