/**
 * A cluster under faults, the same for every backplane: clients stay, nothing is acknowledged that
 * was not accepted, nobody is told a wrong "no", and all heals without a restart.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startCluster, type Cluster, type ClusterOptions } from '../../bench/cluster/cluster.ts';
import type { GatewayNode } from '../../bench/cluster/gateway-node.ts';
import { RawClient, request, type Access, type Ack } from '../support/raw-client.ts';
import { StoppableProxy } from '../support/stoppable-proxy.ts';
import { waitFor } from '../support/wait.ts';
import { answerMsMax, group, Traffic } from './cluster-traffic.ts';

const isLong = process.env['LONG_TESTS'] === '1';
const hub = 'chat';
const nodesCount = 3;
const outageMs = 10_000;
/** How long a node sleeps, and how long of it the others must not take it for dead. */
const pauseMs = 10_000;
const notForgottenMs = 8000;
const kills = isLong ? 20 : 8;
const killPeriodMs = 1000;
const healMsMax = 20_000;
/** What a fault may leave behind in a node: buffers and compiled code, never a backlog. */
const growthBytesMax = 64 * 1024 * 1024;

export interface FaultSuiteOptions extends Pick<ClusterOptions, 'backplane'> {
  readonly skip: string | false;
  /** Until the adapter notices that the broker has fallen silent; default 5 s. */
  readonly noticeMsMax?: number;
  /** Starts a broker to be reached through a proxy that cuts connections; default: no such test. */
  readonly startBroker?: () => Promise<{ readonly port: number; stop(): Promise<unknown> }>;
  readonly urlOf?: (port: number) => string;
  /** Further settings of the nodes that reach the broker through the proxy. */
  readonly envOf?: (port: number) => Readonly<Record<string, string>>;
}

/** Three nodes, and two clients on each. */
class Scene {
  readonly cluster: Cluster;
  readonly clients: RawClient[] = [];
  readonly deaths: string[] = [];
  #rss: readonly number[] = [];

  private constructor(cluster: Cluster, deaths: string[]) {
    this.cluster = cluster;
    this.deaths = deaths;
  }

  static async start(options: Omit<ClusterOptions, 'nodes' | 'onDeath'>): Promise<Scene> {
    const deaths: string[] = [];
    const onDeath: ClusterOptions['onDeath'] = (member, how) => {
      deaths.push(`${member.name}: ${how}\n${member.output}`);
    };
    const cluster = await startCluster({ ...options, nginx: false, nodes: nodesCount, onDeath });
    const scene = new Scene(cluster, deaths);
    for (const [index, node] of cluster.nodes.entries()) {
      for (const turn of ['a', 'b']) await scene.connect(node, `user${index}${turn}`);
    }
    await scene.flows();
    return scene;
  }

  async stop(): Promise<void> {
    for (const client of this.clients) client.end();
    await this.cluster.stop();
  }

  node(index: number): GatewayNode {
    const node = this.cluster.nodes[index];
    assert.ok(node !== undefined);
    return node;
  }

  access(index: number): Access {
    return { url: this.node(index).url, accessKey: this.cluster.accessKey };
  }

  async connect(node: GatewayNode, userId: string): Promise<RawClient> {
    const access = { url: node.url, accessKey: this.cluster.accessKey };
    const client = await RawClient.connect(access, { hub, userId, groups: [group] });
    this.clients.push(client);
    return client;
  }

  async userStatus(at: number, userId: string): Promise<number> {
    return (await request(this.access(at), 'HEAD', `${hub}/users/${userId}`)).status;
  }

  async readiness(): Promise<number[]> {
    return Promise.all(
      this.cluster.nodes.map(async ({ url }) => (await fetch(`${url}/readyz`)).status),
    );
  }

  /** What every client sends reaches every client, and every node is ready. */
  async flows(): Promise<void> {
    const stamp = `flow ${performance.now()}`;
    const senders = this.clients.filter(({ isOpen }) => isOpen);
    const isThere = (text: string): boolean =>
      senders.every(({ data }) => data.some((each) => each.startsWith(text)));
    for (const [index, sender] of senders.entries()) {
      const text = `${stamp} ${index} `;
      let turn = 0;
      await waitFor(
        async () => {
          if (turn % 10 === 0) await sender.sendToGroup(group, `${text}${turn}`);
          turn += 1;
          await sleep(5);
          return isThere(text);
        },
        { what: `messages of client ${index} reach all`, deadlineMs: healMsMax },
      );
    }
    const isReady = async (): Promise<boolean> =>
      (await this.readiness()).every((status) => status === 200);
    await waitFor(isReady, { what: 'all nodes are ready', deadlineMs: healMsMax });
  }

  /** While all is well every acknowledged message reaches every client, in order. */
  async deliversAll(): Promise<void> {
    const traffic = new Traffic(this.clients.filter(({ isOpen }) => isOpen));
    await waitFor(() => traffic.sent >= 200, { what: 'there is traffic' });
    const outcomes = await traffic.stop();
    assert.deepEqual(new Set(outcomes.values()), new Set(['ok']));
    await traffic.arrives([...outcomes.keys()]);
  }

  rememberMemory(): void {
    this.#rss = this.cluster.nodes.map(({ pid }) => rssOf(pid));
  }

  /** Nobody crashed, complained of itself, or kept what it should have let go. */
  isSound(): void {
    assert.deepEqual(this.deaths, []);
    for (const [index, { pid, process: member }] of this.cluster.nodes.entries()) {
      assert.doesNotMatch(member.output, /unhandled|internal error|Stopping after/i);
      const growth = rssOf(pid) - (this.#rss[index] ?? 0);
      assert.ok(growth < growthBytesMax, `node ${index + 1} grew by ${growth} bytes`);
    }
  }

  clientsStayed(): void {
    for (const client of this.clients) assert.ok(client.isOpen, `${client.userId} was closed`);
  }
}

/** Resident memory; 0 where the system does not tell. */
function rssOf(pid: number): number {
  if (process.platform !== 'linux') return 0;
  const [, kib = '0'] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kib) * 1024;
}

async function stopBroker(scene: Scene): Promise<void> {
  const { broker } = scene.cluster;
  assert.ok(broker !== undefined);
  scene.rememberMemory();
  const traffic = new Traffic(scene.clients);
  await waitFor(() => traffic.sent > 100, { what: 'there is traffic' });
  await broker.process.kill();
  const outage = sleep(outageMs);
  const isDown = async (): Promise<boolean> =>
    (await scene.readiness()).every((status) => status === 503);
  await waitFor(isDown, { what: 'no node is ready', deadlineMs: answerMsMax });
  for (const [index] of scene.cluster.nodes.entries()) {
    const path = `${hub}/groups/${group}/:send`;
    const answer = await request(scene.access(index), 'POST', path, 'lost');
    assert.deepEqual([answer.status, answer.retryAfter], [503, '1'], answer.body);
    assert.equal(await scene.userStatus(index, 'nobody'), 503);
  }
  for (const client of scene.clients) {
    const message = { type: 'sendToGroup', group, data: 'lost', dataType: 'text' };
    const { error, success } = await client.ask(message, answerMsMax);
    assert.deepEqual([success, error?.name], [false, 'InternalServerError']);
  }
  await outage;
  scene.clientsStayed();
  await broker.process.start();
  await scene.flows();
  const outcomes = await traffic.stop();
  assert.deepEqual(new Set(outcomes.values()), new Set(['ok', 'InternalServerError']));
  scene.clientsStayed();
  assert.ok(scene.clients.every(({ data }) => !data.includes('lost')));
  await scene.deliversAll();
  await answersAgain(scene);
  scene.isSound();
}

/** A broker that takes connections and answers nothing. */
async function freezeBroker(scene: Scene, noticeMsMax: number): Promise<void> {
  const { broker } = scene.cluster;
  assert.ok(broker !== undefined);
  scene.rememberMemory();
  broker.process.signal('SIGSTOP');
  try {
    const message = { type: 'sendToGroup', group, data: 'unknown', dataType: 'text' };
    const askAll = (): Promise<Ack[]> =>
      Promise.all(scene.clients.map((client) => client.ask(message, answerMsMax)));
    // The signal takes its time.
    const isFrozen = async (): Promise<boolean> => (await askAll()).some((ack) => !ack.success);
    await waitFor(isFrozen, { what: 'the broker is frozen' });
    for (const { error, success } of await askAll()) {
      assert.deepEqual([success, error?.name], [false, 'InternalServerError']);
    }
    const isDown = async (): Promise<boolean> =>
      (await scene.readiness()).every((status) => status === 503);
    await waitFor(isDown, { what: 'no node is ready', deadlineMs: noticeMsMax });
    const path = `${hub}/groups/${group}/:send`;
    const answer = await request(scene.access(0), 'POST', path, 'unknown');
    assert.deepEqual([answer.status, answer.retryAfter], [503, '1'], answer.body);
  } finally {
    broker.process.signal('SIGCONT');
  }
  scene.clientsStayed();
  await scene.flows();
  await scene.deliversAll();
  await answersAgain(scene);
  scene.isSound();
}

/** "No" can be said again by every node. */
async function answersAgain(scene: Scene): Promise<void> {
  for (const [index] of scene.cluster.nodes.entries()) {
    const isCertain = async (): Promise<boolean> =>
      (await scene.userStatus(index, 'nobody')) === 404;
    await waitFor(isCertain, { what: `node ${index + 1} says no`, deadlineMs: healMsMax });
    for (const { userId = '' } of scene.clients.filter(({ isOpen }) => isOpen)) {
      assert.equal(await scene.userStatus(index, userId), 200, userId);
    }
  }
}

async function killNode(scene: Scene): Promise<void> {
  scene.rememberMemory();
  const ghosts = ['user2a', 'user2b'];
  for (const at of [0, 1]) assert.equal(await scene.userStatus(at, 'user2a'), 200);
  await scene.node(2).kill();
  const forgottenBy = performance.now() + 10_000;
  for (const at of [0, 1]) {
    const isForgotten = async (): Promise<boolean> => {
      const status = await scene.userStatus(at, 'user2a');
      assert.ok(status === 503 || status === 404, `${status}`);
      assert.equal(await scene.userStatus(at, 'user0a'), 200);
      assert.equal(await scene.userStatus(at, 'user1a'), 200);
      return status === 404;
    };
    // The last question under way may have been asked just before the time was over.
    const deadlineMs = forgottenBy - performance.now() + 1000;
    await waitFor(isForgotten, { what: `node ${at + 1} forgets the killed one`, deadlineMs });
    for (const ghost of ghosts) assert.equal(await scene.userStatus(at, ghost), 404);
  }
  const alive = scene.clients.filter(({ userId }) => !ghosts.includes(userId ?? ''));
  assert.ok(alive.every(({ isOpen }) => isOpen));
  scene.clients.splice(0, scene.clients.length, ...alive);
  await scene.node(2).restart();
  for (const ghost of ghosts) await scene.connect(scene.node(2), ghost);
  await scene.deliversAll();
  await answersAgain(scene);
  scene.isSound();
}

async function pauseNode(scene: Scene): Promise<void> {
  scene.rememberMemory();
  const node = scene.node(1);
  node.signal('SIGSTOP');
  try {
    const asleepAt = performance.now();
    while (performance.now() < asleepAt + notForgottenMs) {
      for (const at of [0, 2]) {
        assert.equal(await scene.userStatus(at, 'user1a'), 503, 'unknown, not forgotten');
        assert.equal(await scene.userStatus(at, 'user0a'), 200);
      }
    }
    await sleep(asleepAt + pauseMs - performance.now());
  } finally {
    node.signal('SIGCONT');
  }
  for (const at of [0, 2]) {
    await waitFor(
      async () => {
        const status = await scene.userStatus(at, 'user1a');
        // After ten seconds it may have been dead for a moment.
        assert.ok([200, 404, 503].includes(status), `${status}`);
        return status === 200;
      },
      { what: `node ${at + 1} hears the paused one again`, deadlineMs: healMsMax },
    );
  }
  scene.clientsStayed();
  await scene.flows();
  await scene.deliversAll();
  await answersAgain(scene);
  scene.isSound();
}

async function cutConnections(scene: Scene, proxy: StoppableProxy): Promise<void> {
  scene.rememberMemory();
  const traffic = new Traffic(scene.clients);
  const wrong: number[] = [];
  for (let kill = 0; kill < kills; kill += 1) {
    const next = sleep(killPeriodMs);
    proxy.cut();
    for (const at of [0, 1, 2]) {
      const status = await scene.userStatus(at, 'user2a');
      if (status !== 200 && status !== 503) wrong.push(status);
    }
    await next;
  }
  assert.deepEqual(wrong, []);
  await scene.flows();
  const outcomes = await traffic.stop();
  const names = new Set(outcomes.values());
  names.delete('InternalServerError');
  assert.deepEqual(names, new Set(['ok']));
  scene.clientsStayed();
  await scene.deliversAll();
  await answersAgain(scene);
  scene.isSound();
}

export function clusterFaultSuite(options: FaultSuiteOptions): void {
  const { backplane, envOf, noticeMsMax = 5000, skip, startBroker, urlOf } = options;

  describe(`cluster faults on ${backplane}`, { skip }, () => {
    let scene: Scene;
    before(async () => {
      scene = await Scene.start({ backplane });
    });
    after(() => scene.stop());

    test('cluster: a broker that is away for 10 s costs errors, not clients', async () => {
      await stopBroker(scene);
    });
    test('cluster: a broker that is frozen costs errors, not clients', async () => {
      await freezeBroker(scene, noticeMsMax);
    });
    test('cluster: a paused node is not forgotten', async () => {
      await pauseNode(scene);
    });
    test('cluster: a killed node is forgotten within 10 s and leaves no ghosts', async () => {
      await killNode(scene);
    });
  });

  if (startBroker === undefined || urlOf === undefined) return;
  test(`cluster: connections to ${backplane} are cut every second`, { skip }, async (t) => {
    const broker = await startBroker();
    t.after(() => broker.stop());
    const proxy = new StoppableProxy(broker.port);
    const port = await proxy.listen();
    t.after(() => proxy.close());
    const env = envOf?.(port) ?? {};
    const scene = await Scene.start({ backplane, brokerUrl: urlOf(port), env });
    t.after(() => scene.stop());
    await cutConnections(scene, proxy);
  });
}
