/**
 * Presence in the client SDK while the node of two clients is killed: the one that comes back first
 * must not tell that the other has gone, although the gateway says so meanwhile.
 */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { WebSocket } from 'ws';
import { createClient, type Client } from '../../client-sdk/src/index.ts';
import { presence, type Presence } from '../../client-sdk/src/presence/index.ts';
import { createServer } from '../../server-sdk/src/index.ts';
import { GatewayProcess } from '../support/gateway-process.ts';
import { noRedis, startRedis } from '../support/redis.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { waitFor } from '../support/wait.ts';

/** The other node takes it as dead long before the test goes on. */
const settings = { PUBLIC_ENDPOINTS: 'http://gateway.example', PRESENCE_AWAY_AFTER_MS: '500' };
const deadlineMs = 30_000;

async function clientBy(
  t: TestContext,
  node: GatewayProcess,
  userId: string,
): Promise<{ readonly client: Client; readonly proxy: TcpProxy }> {
  const proxy = new TcpProxy(node.port);
  const port = await proxy.listen();
  t.after(() => proxy.close());
  const server = createServer({
    hub: 'chat',
    endpoint: 'http://gateway.example',
    accessKey: node.accessKey,
  });
  const client = createClient({
    url: `ws://127.0.0.1:${port}/client/hubs/chat`,
    getToken: () => server.clientToken({ userId, roles: ['webpubsub.joinLeaveGroup'] }),
    WebSocket,
    backoffBaseMs: 20,
    backoffCapMs: 200,
  });
  client.on('error', (error) => assert.fail(error));
  t.after(() => client.close());
  return { client, proxy };
}

const names = ({ members }: Presence): string => [...members.keys()].toSorted().join(' ');

test(
  'presence sdk: a node is killed: who comes back later has not gone',
  { skip: noRedis },
  async (t) => {
    const redis = await startRedis();
    t.after(() => redis.stop());
    const nodes = await Promise.all(
      [1, 2].map(() => GatewayProcess.start({ ...settings, BACKPLANE: redis.url })),
    );
    t.after(() => Promise.all(nodes.map(({ run }) => run.kill())));
    const [dying, staying] = nodes;
    assert.ok(dying !== undefined && staying !== undefined);
    const [anna, ben, carla] = [
      await clientBy(t, dying, 'anna'),
      await clientBy(t, dying, 'ben'),
      await clientBy(t, staying, 'carla'),
    ];
    const online = presence(anna.client.group('room'), { holdMs: deadlineMs });
    const carlas = presence(carla.client.group('room'));
    ben.client.group('room');
    const shows = (of: Presence, expected: string): Promise<unknown> =>
      waitFor(() => names(of) === expected, { what: `"${expected}" is shown`, deadlineMs });
    await Promise.all([online, carlas].map((each) => shows(each, 'anna ben carla')));
    const left: (string | undefined)[] = [];
    online.on('leave', ({ userId }) => left.push(userId));

    for (const { proxy } of [anna, ben]) {
      proxy.refuse();
      proxy.targetPort = staying.port;
    }
    await dying.run.kill();
    await shows(carlas, 'carla');
    anna.proxy.welcome();
    await waitFor(() => online.get().isCurrent, { what: 'anna watches again', deadlineMs });
    assert.equal(names(online), 'anna ben carla');
    ben.proxy.welcome();
    await shows(carlas, 'anna ben carla');
    const bensAddress = carlas.members.get('ben')?.connections[0]?.connectionId;
    await waitFor(() => online.members.get('ben')?.connections[0]?.connectionId === bensAddress, {
      what: 'ben is back for anna, too',
      deadlineMs,
    });
    assert.equal(names(online), 'anna ben carla');
    // On a busy machine a living node can be late, and its members be away: carla's only.
    assert.deepEqual(
      left.filter((userId) => userId !== 'carla'),
      [],
    );
  },
);
