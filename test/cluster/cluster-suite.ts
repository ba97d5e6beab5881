/**
 * What a cluster does, whatever its backplane: 200 clients spread over three nodes, every kind of
 * delivery, and every operation of the REST API issued at each node.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startCluster, type Cluster, type ClusterOptions } from '../../bench/cluster/cluster.ts';
import { RawClient, request, type Access } from '../support/raw-client.ts';
import { waitFor } from '../support/wait.ts';

const clientsCount = 200;
const groupsCount = 10;
const usersCount = 50;
const nodesCount = 3;

export interface ClusterSuiteOptions extends Pick<ClusterOptions, 'backplane'> {
  readonly name: string;
  readonly skip: string | false;
  /** Starts a broker of the test's own. */
  readonly startBroker?: () => Promise<{ readonly url: string; stop(): Promise<unknown> }>;
}

class World {
  readonly cluster: Cluster;
  /** A node each; the same URL again where workers share it. */
  readonly nodes: readonly Access[];
  clients: readonly RawClient[] = [];

  constructor(cluster: Cluster) {
    this.cluster = cluster;
    const { accessKey, nodes } = cluster;
    this.nodes = Array.from({ length: nodesCount }, (_, index) => {
      const node = nodes[index % nodes.length];
      assert.ok(node !== undefined);
      return { accessKey, url: node.url };
    });
  }

  at(index: number): Access {
    const node = this.nodes[index % this.nodes.length];
    assert.ok(node !== undefined);
    return node;
  }

  async connectAll(): Promise<void> {
    const connect = (index: number): Promise<RawClient> =>
      RawClient.connect(this.cluster, {
        hub: 'chat',
        userId: `u${index % usersCount}`,
        groups: [`g${index % groupsCount}`],
      });
    const clients: RawClient[] = [];
    while (clients.length < clientsCount) {
      const next = Array.from({ length: 20 }, (_, index) => connect(clients.length + index));
      clients.push(...(await Promise.all(next)));
    }
    this.clients = clients;
  }

  /** A publish by REST at a node. */
  async publish(at: number, path: string, text: string): Promise<void> {
    const { body, status } = await request(this.at(at), 'POST', `chat/${path}`, text);
    assert.equal(status, 202, body);
  }

  /**
   * Waits until the expected texts have arrived, then sends a last one by every way and waits for
   * it: whatever else was under way has arrived by then.
   */
  async settle(expected: ReadonlyMap<RawClient, readonly string[]>): Promise<void> {
    for (const [client, texts] of expected) {
      for (const text of texts) await client.waitForData(text);
    }
    const last = `last ${performance.now()}`;
    await Promise.all(
      this.nodes.flatMap((_, at) => [
        this.publish(at, ':send', last),
        ...Array.from({ length: groupsCount }, (__, group) =>
          this.publish(at, `groups/g${group}/:send`, last),
        ),
        ...Array.from({ length: usersCount }, (__, user) =>
          this.publish(at, `users/u${user}/:send`, last),
        ),
      ]),
    );
    const lasts = (client: RawClient): number => client.data.filter((data) => data === last).length;
    for (const client of this.clients) {
      const what = `the last of all ways arrived at ${client.connectionId}`;
      await waitFor(() => lasts(client) >= 3 * nodesCount, { what, deadlineMs: 20_000 });
      assert.equal(lasts(client), 3 * nodesCount, 'nothing arrives twice');
    }
  }
}

export function clusterSuite(options: ClusterSuiteOptions): void {
  const { backplane, name, skip, startBroker } = options;
  describe(`cluster on ${name}`, { skip }, () => {
    let world: World;
    let stopBroker: () => Promise<unknown> = () => Promise.resolve();
    const deaths: string[] = [];

    before(async () => {
      const broker = await startBroker?.();
      stopBroker = () => broker?.stop() ?? Promise.resolve();
      const cluster = await startCluster({
        backplane,
        nodes: nodesCount,
        ...(broker === undefined ? {} : { brokerUrl: broker.url }),
        onDeath: (member, how) => deaths.push(`${member.name}: ${how}`),
      });
      world = new World(cluster);
      await world.connectAll();
    });

    after(async () => {
      for (const client of world.clients) client.end();
      await world.cluster.stop();
      await stopBroker();
      assert.deepEqual(deaths, []);
    });

    test('cluster: the balancer spreads clients over all nodes', () => {
      const counts = new Map<string, number>();
      for (const { nodeId } of world.clients) counts.set(nodeId, (counts.get(nodeId) ?? 0) + 1);
      assert.equal(counts.size, nodesCount);
      for (const [nodeId, count] of counts) assert.ok(count >= 20, `${nodeId} has ${count}`);
    });

    test('cluster: every kind of delivery arrives exactly where it should', async () => {
      await deliverEverything(world);
    });

    test('cluster: what one sender sends arrives in order everywhere', async () => {
      await keepOrder(world);
    });

    test('cluster: every operation at each node acts on connections of all', async () => {
      for (const [index, node] of world.nodes.entries()) {
        await operateConnection(world, node, `one${index}`);
        await operateUser(world, node, `user${index}`);
        await operateMany(world, node, `many${index}`);
      }
    });

    test('cluster: names of any shape reach their own clients and no others', async () => {
      await useStrangeNames(world);
    });
  });
}

async function deliverEverything(world: World): Promise<void> {
  const { clients } = world;
  const expected = new Map(clients.map((client) => [client, [] as string[]]));
  const expect = (text: string, isFor: (client: RawClient, index: number) => boolean): void => {
    clients.forEach((client, index) => {
      if (isFor(client, index)) expected.get(client)?.push(text);
    });
  };
  for (const client of clients) client.data.length = 0;
  for (let at = 0; at < nodesCount; at += 1) {
    const text = (what: string): string => `${what} from ${at}`;
    const inGroup = (index: number): boolean => index % groupsCount === at;
    expect(text('all'), () => true);
    await world.publish(at, ':send', text('all'));
    expect(text('group'), (_, index) => inGroup(index));
    await world.publish(at, `groups/g${at}/:send`, text('group'));
    expect(text('user'), (_, index) => index % usersCount === 7 + at);
    await world.publish(at, `users/u${7 + at}/:send`, text('user'));
    const chosen = clients.filter((_, index) => index % 25 === at);
    expect(text('connection'), (client) => chosen.includes(client));
    for (const { connectionId } of chosen) {
      await world.publish(at, `connections/${connectionId}/:send`, text('connection'));
    }
    const excluded = new Set(clients.filter((_, index) => inGroup(index)).slice(0, 10));
    const query = [...excluded].map(({ connectionId }) => `excluded=${connectionId}`).join('&');
    expect(text('excluded'), (client, index) => inGroup(index) && !excluded.has(client));
    await world.publish(at, `groups/g${at}/:send?${query}`, text('excluded'));
    const filter = encodeURIComponent(`userId eq 'u${at}' or 'g${at + 3}' in groups`);
    expect(
      text('filtered'),
      (client, index) => client.userId === `u${at}` || index % groupsCount === at + 3,
    );
    await world.publish(at, `:send?filter=${filter}`, text('filtered'));
  }
  for (const [index, sender] of clients.slice(0, 12).entries()) {
    const noEcho = index % 2 === 0;
    const text = `client ${index}`;
    expect(text, (client, at) => at % groupsCount === 5 && !(noEcho && client === sender));
    const ack = await sender.sendToGroup('g5', text, noEcho);
    assert.ok(ack.success, JSON.stringify(ack));
  }
  await world.settle(expected);
  for (const [client, texts] of expected) {
    const got = client.data.filter((data) => !data.startsWith('last'));
    assert.deepEqual([...got].sort(), [...texts].sort(), client.connectionId);
  }
}

async function keepOrder(world: World): Promise<void> {
  const senders = world.clients.slice(0, 9);
  const count = 50;
  const acks = await Promise.all(
    senders.flatMap((sender, at) =>
      Array.from({ length: count }, (_, index) => sender.sendToGroup('g1', `order ${at} ${index}`)),
    ),
  );
  assert.ok(acks.every(({ success }) => success));
  for (const client of world.clients.filter((_, index) => index % groupsCount === 1)) {
    for (const at of senders.keys()) {
      await client.waitForData(`order ${at} ${count - 1}`);
      assert.deepEqual(
        client.data.filter((data) => data.startsWith(`order ${at} `)),
        Array.from({ length: count }, (_, index) => `order ${at} ${index}`),
      );
    }
  }
}

/** Clients on every node, in a hub of their own. */
async function connectTo(
  world: World,
  hub: string,
  options: { readonly userId?: string; readonly groups?: readonly string[] } = {},
): Promise<readonly RawClient[]> {
  const clients: RawClient[] = [];
  const isSpread = (): boolean => new Set(clients.map(({ nodeId }) => nodeId)).size === nodesCount;
  while (!isSpread()) {
    assert.ok(clients.length < 60, 'the balancer reaches all nodes');
    clients.push(await RawClient.connect(world.cluster, { hub, ...options }));
  }
  return clients;
}

class Operator {
  readonly #node: Access;
  readonly #hub: string;

  constructor(node: Access, hub: string) {
    this.#node = node;
    this.#hub = hub;
  }

  /** @param path after the hub's name; `/users/ann` or `/:send`. */
  async does(method: string, path: string, status: number, body?: string): Promise<string> {
    const answer = await request(this.#node, method, this.#hub + path, body);
    assert.equal(answer.status, status, `${method} ${path}: ${answer.status} ${answer.body}`);
    return answer.body;
  }

  async members(group: string): Promise<string[]> {
    const ids: string[] = [];
    let query = '?maxpagesize=2';
    for (;;) {
      const body = await this.does('GET', `/groups/${group}/connections${query}`, 200);
      // The shape of Azure's API.
      const page = JSON.parse(body) as { value: { connectionId: string }[]; nextLink?: string };
      assert.ok(page.value.length <= 2);
      ids.push(...page.value.map(({ connectionId }) => connectionId));
      const token = page.nextLink && new URL(page.nextLink).searchParams.get('continuationToken');
      if (!token) return ids;
      query = `?maxpagesize=2&continuationToken=${encodeURIComponent(token)}`;
    }
  }
}

function idsOf(clients: readonly RawClient[]): string[] {
  return clients.map(({ connectionId }) => connectionId).sort();
}

async function operateConnection(world: World, node: Access, hub: string): Promise<void> {
  const operator = new Operator(node, hub);
  const clients = await connectTo(world, hub);
  for (const { connectionId: id } of clients) {
    await operator.does('HEAD', `/connections/${id}`, 200);
    await operator.does('PUT', `/groups/g/connections/${id}`, 200);
    await operator.does('PUT', `/groups/h/connections/${id}`, 200);
    const permission = `/permissions/sendToGroup/connections/${id}?targetName=x`;
    await operator.does('PUT', permission, 200);
    await operator.does('HEAD', permission, 200);
    await operator.does('DELETE', permission, 204);
  }
  assert.deepEqual(await operator.members('g'), idsOf(clients));
  for (const { connectionId: id } of clients) {
    await operator.does('DELETE', `/groups/g/connections/${id}`, 204);
    await operator.does('DELETE', `/connections/${id}/groups`, 204);
  }
  assert.deepEqual([await operator.members('g'), await operator.members('h')], [[], []]);
  await operator.does('HEAD', '/groups/g', 404);
  for (const client of clients) {
    await operator.does('DELETE', `/connections/${client.connectionId}?reason=enough`, 204);
    await waitFor(() => !client.isOpen, { what: 'the connection is closed' });
    assert.match(client.closedWith ?? '', /enough/);
    await operator.does('HEAD', `/connections/${client.connectionId}`, 404);
    await operator.does('PUT', `/groups/g/connections/${client.connectionId}`, 404);
  }
}

async function operateUser(world: World, node: Access, hub: string): Promise<void> {
  const operator = new Operator(node, hub);
  const anns = await connectTo(world, hub, { userId: 'ann' });
  const bobs = await connectTo(world, hub, { userId: 'bob' });
  await operator.does('HEAD', '/users/ann', 200);
  await operator.does('HEAD', '/users/carl', 404);
  await operator.does('PUT', '/users/ann/groups/g', 200);
  await operator.does('PUT', '/users/ann/groups/h', 200);
  await operator.does('PUT', '/users/carl/groups/g', 404);
  await operator.does('HEAD', '/groups/g', 200);
  assert.deepEqual(await operator.members('g'), idsOf(anns));
  await operator.does('DELETE', '/users/ann/groups/g', 204);
  assert.deepEqual([await operator.members('g'), await operator.members('h')], [[], idsOf(anns)]);
  await operator.does('DELETE', '/users/ann/groups', 204);
  assert.deepEqual(await operator.members('h'), []);
  const [kept, ...others] = anns;
  assert.ok(kept !== undefined);
  const close = `/users/ann/:closeConnections?excluded=${kept.connectionId}&reason=out`;
  await operator.does('POST', close, 204);
  await waitFor(() => others.every(({ isOpen }) => !isOpen), { what: 'the others are closed' });
  assert.ok([kept, ...bobs].every(({ isOpen }) => isOpen));
  for (const client of [kept, ...bobs]) client.end();
  const isGone = async (): Promise<boolean> =>
    (await request(node, 'HEAD', `${hub}/users/ann`)).status === 404;
  await waitFor(isGone, { what: 'the user is gone' });
}

async function operateMany(world: World, node: Access, hub: string): Promise<void> {
  const operator = new Operator(node, hub);
  const anns = await connectTo(world, hub, { userId: 'ann', groups: ['g'] });
  const bobs = await connectTo(world, hub, { userId: 'bob', groups: ['h'] });
  const filtered = JSON.stringify({ groups: ['x', 'y'], filter: "userId eq 'ann'" });
  await operator.does('POST', '/:addToGroups', 200, filtered);
  assert.deepEqual(
    [await operator.members('x'), await operator.members('y')],
    [idsOf(anns), idsOf(anns)],
  );
  await operator.does('POST', '/:removeFromGroups', 200, filtered);
  await operator.does('HEAD', '/groups/x', 404);
  const [kept, ...others] = anns;
  assert.ok(kept !== undefined);
  const excluded = `?excluded=${kept.connectionId}`;
  await operator.does('POST', `/groups/g/:closeConnections${excluded}`, 204);
  await waitFor(() => others.every(({ isOpen }) => !isOpen), { what: 'the group is closed' });
  assert.ok([kept, ...bobs].every(({ isOpen }) => isOpen));
  await operator.does('POST', `/:closeConnections${excluded}`, 204);
  await waitFor(() => bobs.every(({ isOpen }) => !isOpen), { what: 'the hub is closed' });
  assert.ok(kept.isOpen);
  await operator.does('POST', '/:closeConnections', 204);
  await waitFor(() => !kept.isOpen, { what: 'the last one is closed' });
}

async function useStrangeNames(world: World): Promise<void> {
  const names = ['a.b', '*', '>', 'a b', '{x}', 'a\nb', '😀', 'x'.repeat(1024), 'a', 'b'];
  const hub = 'names';
  const clients = await Promise.all(
    names.map((name) => RawClient.connect(world.cluster, { hub, userId: name, groups: [name] })),
  );
  for (const [index, name] of names.entries()) {
    const node = world.at(index);
    for (const kind of ['groups', 'users']) {
      const path = `${hub}/${kind}/${encodeURIComponent(name)}`;
      assert.equal((await request(node, 'HEAD', path)).status, 200, name);
      const { body, status } = await request(node, 'POST', `${path}/:send`, `${kind} ${index}`);
      assert.equal(status, 202, body);
    }
  }
  for (const [index, client] of clients.entries()) {
    const own = [`groups ${index}`, `users ${index}`];
    for (const text of own) await client.waitForData(text);
  }
  assert.equal((await request(world.at(0), 'POST', `${hub}/:send`, 'end')).status, 202);
  for (const [index, client] of clients.entries()) {
    await client.waitForData('end');
    const got = client.data.filter((data) => data !== 'end');
    assert.deepEqual([...got].sort(), [`groups ${index}`, `users ${index}`], names[index]);
    client.end();
  }
}
