/**
 * Reliable clients of a real cluster: the published client behind a proxy that cuts its TCP
 * connection and leads it to another node, while messages keep arriving.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test, type TestContext } from 'node:test';
import { WebPubSubServiceClient } from '@azure/web-pubsub';
import { WebPubSubJsonReliableProtocol } from '@azure/web-pubsub-client';
import { startCluster, type Cluster, type ClusterOptions } from '../../bench/cluster/cluster.ts';
import { nodeOfConnection } from '../../gateway/router/keys.ts';
import { request } from '../support/raw-client.ts';
import { startSdkClient, type SdkClient } from '../support/sdk-client.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { waitFor } from '../support/wait.ts';

export interface ReliableSuiteOptions extends Pick<ClusterOptions, 'backplane' | 'nodes'> {
  readonly name: string;
  readonly skip: string | false;
  /** Starts a broker of the test's own. */
  readonly startBroker?: () => Promise<{ readonly url: string; stop(): Promise<unknown> }>;
}

const deadlineMs = 30_000;

class Scene {
  readonly cluster: Cluster;
  #hubs = 0;

  constructor(cluster: Cluster) {
    this.cluster = cluster;
  }

  get nodeUrls(): readonly string[] {
    return this.cluster.nodes.map(({ url }) => url);
  }

  port(at: number): number {
    const url = this.nodeUrls[at % this.nodeUrls.length];
    assert.ok(url !== undefined);
    return Number(new URL(url).port);
  }

  /** A client of the SDK in a hub of its own, at the first node. */
  async connect(t: TestContext): Promise<Visitor> {
    this.#hubs += 1;
    const hub = `hub${this.#hubs}`;
    const { connectionString, url } = this.cluster;
    const proxy = new TcpProxy(this.port(0));
    const port = await proxy.listen();
    t.after(() => proxy.close());
    const options = { allowInsecureConnection: true };
    const service = new WebPubSubServiceClient(connectionString, hub, options);
    const ask = service.getClientAccessToken.bind(service);
    service.getClientAccessToken = async (asked) => {
      const token = await ask(asked);
      return { ...token, url: token.url.replace(`:${new URL(url).port}/`, `:${port}/`) };
    };
    const protocol = WebPubSubJsonReliableProtocol();
    const sdk = await startSdkClient(t, service, { protocol, token: { userId: 'anna' } });
    return { hub, proxy, sdk };
  }

  /** A publish or an order by REST at a node. */
  async ask(at: number, method: string, path: string, body?: string): Promise<number> {
    const url = this.nodeUrls[at % this.nodeUrls.length];
    assert.ok(url !== undefined);
    const { accessKey } = this.cluster;
    return (await request({ accessKey, url }, method, path, body)).status;
  }

  /** Sum over all nodes of a metric's samples whose line begins with this. */
  async metric(start: string): Promise<number> {
    let sum = 0;
    for (const url of this.nodeUrls) {
      const page = await (await fetch(`${url}/metrics`)).text();
      for (const line of page.split('\n')) {
        if (line.startsWith(start)) sum += Number(line.split(' ').at(-1));
      }
    }
    return sum;
  }
}

interface Visitor {
  readonly hub: string;
  readonly proxy: TcpProxy;
  readonly sdk: SdkClient;
}

export function reliableSuite(options: ReliableSuiteOptions): void {
  const { backplane, name, nodes, skip, startBroker } = options;
  describe(`reliable clients on ${name}`, { skip }, () => {
    let scene: Scene;
    let stopBroker: () => Promise<unknown> = () => Promise.resolve();

    before(async () => {
      const broker = await startBroker?.();
      stopBroker = () => broker?.stop() ?? Promise.resolve();
      const brokerUrl = broker === undefined ? {} : { brokerUrl: broker.url };
      const env = { TRUNKLINE_DRAIN_DELAY_MS: '100', TRUNKLINE_DRAIN_SPREAD_MS: '1500' };
      scene = new Scene(await startCluster({ backplane, nodes, env, ...brokerUrl }));
    });

    after(async () => {
      await scene.cluster.stop();
      await stopBroker();
    });

    test('reliable: led from node to node while messages arrive, each comes once and in order', (t) =>
      wander(t, scene));

    test('reliable: orders reach a connection that changed its node, and a kick is final', (t) =>
      order(t, scene));

    const noKill = backplane === 'memory' ? 'the node is the whole cluster' : false;
    test(
      'reliable: a node that drains hands its connections over, and nothing is lost',
      {
        skip: noKill,
      },
      (t) => drainOwner(t, scene),
    );

    test(
      'reliable: of a killed node nothing is resumed; the client comes anew to its groups',
      {
        skip: noKill,
      },
      (t) => killOwner(t, scene),
    );
  });
}

async function wander(t: TestContext, scene: Scene): Promise<void> {
  const { hub, proxy, sdk } = await scene.connect(t);
  await sdk.client.joinGroup('g');
  const count = 240;
  const ways = ['groups/g/:send', 'users/anna/:send', `connections/${sdk.connectionId}/:send`];
  for (let index = 0; index < count; index += 1) {
    if (index % 40 === 20) {
      proxy.targetPort = scene.port(index / 20);
      proxy.cut();
    }
    const way = ways[index % ways.length] ?? '';
    const from = index % 7;
    assert.equal(await scene.ask(from, 'POST', `${hub}/${way}`, `${way} ${from} ${index}`), 202);
  }
  const all = (): string[] =>
    [...sdk.groupMessages.unread, ...sdk.serverMessages.unread].map(textOf);
  await waitFor(() => all().length >= count, { what: 'all messages arrived', deadlineMs });
  // What would come twice comes before this.
  assert.equal(await scene.ask(1, 'POST', `${hub}/:send`, 'end'), 202);
  await waitFor(() => all().includes('end'), { what: 'the last message arrived', deadlineMs });
  assert.equal(all().length, count + 1);
  // Workers share their port: there nobody knows which of them a request has met.
  const inboxes = scene.nodeUrls.length > 1 ? [sdk.groupMessages, sdk.serverMessages] : [];
  for (const inbox of inboxes) {
    const last = new Map<string, number>();
    for (const text of inbox.unread.map(textOf)) {
      const [way = '', from = '', index] = text.split(' ');
      // Those to the connection itself may change places when it comes back to its first node.
      if (index === undefined || way.startsWith('connections/')) continue;
      const sender = `${way} ${Number(from) % scene.nodeUrls.length}`;
      assert.ok(Number(index) > (last.get(sender) ?? -1), `"${text}" came late`);
      last.set(sender, Number(index));
    }
  }
  assert.deepEqual([sdk.reconnects.unread, sdk.disconnects.unread], [[], []]);
  assert.ok((await scene.metric('trunkline_reliable_moved_total')) > 0, 'it changed its node');
}

function textOf({ data }: { readonly data: unknown }): string {
  assert.ok(typeof data === 'string');
  return data;
}

async function order(t: TestContext, scene: Scene): Promise<void> {
  const { hub, proxy, sdk } = await scene.connect(t);
  await sdk.client.joinGroup('g');
  const { connectionId } = sdk;
  const resumed = await scene.metric('trunkline_reliable_resumed_total');
  proxy.targetPort = scene.port(1);
  proxy.cut();
  const isBack = async (): Promise<boolean> =>
    (await scene.metric('trunkline_reliable_resumed_total')) > resumed;
  await waitFor(isBack, { what: 'the client is back', deadlineMs });
  for (let at = 0; at < 3; at += 1) {
    const path = `${hub}/groups/late${at}/connections/${connectionId}`;
    assert.equal(await scene.ask(at, 'PUT', path), 200);
    assert.equal(await scene.ask(at, 'HEAD', `${hub}/connections/${connectionId}`), 200);
    assert.equal(await scene.ask(at, 'POST', `${hub}/groups/late${at}/:send`, `late ${at}`), 202);
    assert.equal((await sdk.groupMessages.next()).data, `late ${at}`);
  }
  assert.equal(await scene.ask(2, 'DELETE', `${hub}/connections/${connectionId}?reason=out`), 204);
  const again = await sdk.reconnects.next();
  assert.notEqual(again.connectionId, connectionId);
  assert.equal((await sdk.disconnects.next()).message?.message, 'out');
  assert.equal(await scene.ask(0, 'HEAD', `${hub}/connections/${connectionId}`), 404);
  assert.equal(await scene.ask(0, 'POST', `${hub}/groups/g/:send`, 'hello again'), 202);
  assert.equal((await sdk.groupMessages.next()).data, 'hello again');
}

async function drainOwner(t: TestContext, scene: Scene): Promise<void> {
  const { hub, proxy, sdk } = await scene.connect(t);
  await sdk.client.joinGroup('g');
  const owner = scene.cluster.nodes[0];
  assert.ok(owner !== undefined);
  assert.equal(nodeOfConnection(sdk.connectionId), owner.nodeId);
  proxy.targetPort = scene.port(1);
  let hasEnded = false;
  const ended = owner.kill('SIGTERM').then(() => {
    hasEnded = true;
  });
  let count = 0;
  // Some more after its end: they come by the new node alone.
  for (let after = 0; after < 10; after += hasEnded ? 1 : 0) {
    assert.equal(await scene.ask(1, 'POST', `${hub}/groups/g/:send`, `${count}`), 202);
    count += 1;
  }
  await ended;
  const messages = await sdk.groupMessages.take(count);
  assert.deepEqual(
    messages.map(textOf),
    Array.from({ length: count }, (_, index) => `${index}`),
  );
  assert.deepEqual([sdk.reconnects.unread, sdk.disconnects.unread], [[], []]);
  assert.equal(await scene.ask(1, 'HEAD', `${hub}/connections/${sdk.connectionId}`), 200);
  await owner.start();
}

async function killOwner(t: TestContext, scene: Scene): Promise<void> {
  const { hub, proxy, sdk } = await scene.connect(t);
  await sdk.client.joinGroup('g');
  const owner = scene.cluster.nodes[0];
  assert.ok(owner !== undefined);
  assert.equal(nodeOfConnection(sdk.connectionId), owner.nodeId);
  proxy.targetPort = scene.port(1);
  await owner.kill();
  const again = await sdk.reconnects.next();
  assert.notEqual(again.connectionId, sdk.connectionId);
  assert.equal(nodeOfConnection(again.connectionId), scene.cluster.nodes[1]?.nodeId);
  assert.ok((await refusedAt(scene)) > 0, 'the resume was refused');
  assert.equal(await scene.ask(1, 'POST', `${hub}/groups/g/:send`, 'hello again'), 202);
  assert.equal((await sdk.groupMessages.next()).data, 'hello again');
  await owner.start();
}

async function refusedAt(scene: Scene): Promise<number> {
  const page = await (await fetch(`${scene.nodeUrls[1]}/metrics`)).text();
  const lines = page
    .split('\n')
    .filter((line) => line.startsWith('trunkline_reliable_resumes_refused'));
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}
