/**
 * Presence over three nodes, whatever joins them: 300 members who come, leave, flap and say things,
 * and a node that is killed. Every watcher's view is the truth within 5 s, and was never without a
 * member who stayed.
 */
import assert from 'node:assert/strict';
import { cpus, loadavg } from 'node:os';
import { after, before, describe, test, type TestContext } from 'node:test';
import { nodeOfConnection } from '../../gateway/router/keys.ts';
import { PresenceClient, type PlaceView } from '../support/presence-client.ts';
import { waitFor } from '../support/wait.ts';
import { nodesCount, type PresenceNodes } from './presence-nodes.ts';

export interface PresenceSuiteOptions {
  readonly name: string;
  readonly skip: string | false;
  readonly start: (settings: Readonly<Record<string, string>>) => Promise<PresenceNodes>;
}

const room = 'room';
const membersCount = 300;
const stayersCount = 100;
const watchersPerNode = 2;
const boundMs = 5000;
/** Timers that are later than this say that the machine is busy; then it may take longer. */
const lagMsMax = 30;
const busyFactor = 6;
/** A member that took longer to come back has flapped for others, too. */
const quickMs = 1000;
const roles = ['trunkline.watchPresence', 'webpubsub.joinLeaveGroup'];

/**
 * How much slower than by itself this machine is now: as many more programs want its processors. The
 * bounds are for a machine that is not busy, so they are longer by that.
 */
function slowness(): number {
  const [lastMinute = 0] = loadavg();
  return Math.min(6, Math.max(1, lastMinute / cpus().length));
}

/** How late timers of this process are at worst while it waits. */
class LagProbe {
  readonly #periodMs = 20;
  #lastMs = performance.now();
  #worstMs = 0;
  readonly #timer = setInterval(() => this.#look(), this.#periodMs);

  stop(): number {
    clearInterval(this.#timer);
    this.#look();
    return this.#worstMs;
  }

  #look(): void {
    const now = performance.now();
    this.#worstMs = Math.max(this.#worstMs, now - this.#lastMs - this.#periodMs);
    this.#lastMs = now;
  }
}

interface Watcher {
  readonly client: PresenceClient;
  readonly view: PlaceView;
}

class Scene {
  readonly nodes: PresenceNodes;
  watchers: Watcher[] = [];
  /** The node that is to be killed. */
  victimId = '';
  /** Who is in the room, by connection. */
  readonly members = new Map<string, PresenceClient>();
  /** Connections that are there as long as the watchers look. */
  readonly stayers = new Set<string>();
  /** Users that are always there, if by one connection or another. */
  readonly faithful = new Set<string>();
  /** Who was missing from which view, and when. */
  readonly missing: string[] = [];
  /** The same of users; it counts if they were quick to come back. */
  readonly absences: { readonly user: string; readonly where: string }[] = [];
  readonly #clients: PresenceClient[] = [];
  /** Nodes by a place of `addresses`, as connections to it have shown. */
  readonly #homes = new Map<string, number>();
  #users = 0;

  constructor(nodes: PresenceNodes) {
    this.nodes = nodes;
  }

  end(): void {
    for (const client of this.#clients) client.cut();
  }

  faults(): unknown[] {
    return this.#clients.flatMap(({ faults }) => faults);
  }

  async connect(at: number, userId: string, groups: readonly string[]): Promise<PresenceClient> {
    const access = this.nodes.addresses[at % this.nodes.addresses.length];
    assert.ok(access !== undefined);
    const client = await PresenceClient.connect(access, { userId, groups, roles });
    this.#clients.push(client);
    this.#homes.set(nodeOf(client), at % this.nodes.addresses.length);
    if (groups.includes(room)) this.members.set(client.connectionId, client);
    return client;
  }

  /** A place to connect to another node; where nodes share one, the same. */
  addressBeside(nodeId: string): number {
    for (const [other, at] of this.#homes) if (other !== nodeId) return at;
    return 0;
  }

  /** New members, spread over the nodes. */
  async come(count: number): Promise<PresenceClient[]> {
    const those: PresenceClient[] = [];
    while (those.length < count) {
      const next = Array.from({ length: Math.min(20, count - those.length) }, () => {
        this.#users += 1;
        return this.connect(this.#users, `user${this.#users}`, [room]);
      });
      those.push(...(await Promise.all(next)));
    }
    return those;
  }

  /** Watchers on every node. */
  async watch(): Promise<void> {
    const perNode = new Map<string, number>();
    for (let count = 0; perNode.size < nodesCount || !isFull(perNode); count += 1) {
      assert.ok(count < 300, `300 connections were on ${perNode.size} nodes`);
      const client = await this.connect(count, `watcher${count}`, []);
      const nodeId = nodeOf(client);
      const there = perNode.get(nodeId) ?? 0;
      if (there >= watchersPerNode) {
        await client.close();
        continue;
      }
      perNode.set(nodeId, there + 1);
      const view = await client.watch(room);
      view.onFrame = (frame) => this.#look({ client, view }, frame.kind);
      this.#look({ client, view }, 'first');
      this.watchers.push({ client, view });
    }
  }

  #look({ client, view }: Watcher, what: string): void {
    for (const id of this.stayers) {
      if (!view.members.has(id)) this.missing.push(`${id} from ${client.connectionId}: ${what}`);
    }
    const users = view.users();
    for (const user of this.faithful) {
      if (!users.has(user)) this.absences.push({ user, where: `${client.connectionId}: ${what}` });
    }
  }

  async leave(client: PresenceClient, how: 'leave' | 'close' | 'cut'): Promise<void> {
    if (how === 'leave') await client.leave(room);
    else if (how === 'close') await client.close();
    else client.cut();
    this.members.delete(client.connectionId);
  }

  /** Loses the socket, and is back as the same user, on another node maybe. */
  async flap(client: PresenceClient, at: number): Promise<void> {
    const { userId = '' } = client;
    const startedMs = performance.now();
    await this.leave(client, 'cut');
    const back = await this.connect(at, userId, [room]);
    const isBack = (): boolean =>
      this.watchers.every(({ view }) => view.members.has(back.connectionId));
    await waitFor(isBack, { what: `all see that ${userId} is back`, deadlineMs: 20_000 });
    if (performance.now() - startedMs > quickMs) this.faithful.delete(userId);
  }

  /** Resolves when every watcher's view is the truth, which must be in time. */
  async settle(t: TestContext, what: string): Promise<void> {
    const lag = new LagProbe();
    const startedMs = performance.now();
    const truth = [...this.members.keys()].toSorted().join();
    const isTrue = (): boolean => this.watchers.every(({ view }) => view.ids().join() === truth);
    await waitFor(isTrue, { what: `every view is the truth after ${what}`, deadlineMs: 60_000 });
    const tookMs = performance.now() - startedMs;
    const isBusy = lag.stop() > lagMsMax || slowness() > 1;
    const allowedMs = boundMs * (isBusy ? busyFactor : 1);
    const took = `${Math.round(tookMs)} ms of ${allowedMs}${isBusy ? ' (the machine is busy)' : ''}`;
    t.diagnostic(`${what}: true everywhere after ${took}`);
    assert.ok(tookMs <= allowedMs, `${what}: it took ${took}`);
    for (const { view } of this.watchers) {
      assert.equal(view.frames.at(-1)?.users, new Set(this.#userIds()).size);
    }
  }

  #userIds(): string[] {
    return [...this.members.values()].flatMap(({ userId }) => userId ?? []);
  }
}

function isFull(perNode: ReadonlyMap<string, number>): boolean {
  return [...perNode.values()].every((count) => count === watchersPerNode);
}

function nodeOf({ connectionId }: PresenceClient): string {
  return nodeOfConnection(connectionId) ?? '';
}

export function presenceSuite({ name, skip, start }: PresenceSuiteOptions): void {
  describe(`presence on ${name}`, { skip }, () => {
    let scene: Scene;

    before(async () => {
      const silence = (ms: number): string => String(Math.round(ms * Math.min(2, slowness())));
      scene = new Scene(
        await start({
          // A node that gets no processor for long is not dead.
          PRESENCE_AWAY_AFTER_MS: silence(4000),
          DEAD_AFTER_MS: silence(10_000),
          LOG_FORMAT: 'json',
          LOG_LEVEL: 'info',
        }),
      );
    });

    after(async () => {
      scene.end();
      await scene.nodes.stop();
    });

    test('presence: 300 members come, leave, flap and say things; a node is killed', async (t) => {
      await churn(t, scene);
      await kill(t, scene);
      assert.deepEqual(scene.missing, [], 'nobody who stayed was missing anywhere');
      const absences = scene.absences.filter(({ user }) => scene.faithful.has(user));
      assert.deepEqual(absences, [], 'nobody who flapped was missing as a user');
      assert.deepEqual(scene.faults(), [], 'every frame was consistent with those before');
    });
  });
}

async function churn(t: TestContext, scene: Scene): Promise<void> {
  const first = await scene.come(membersCount - 100);
  scene.victimId = nodeOf(first[0] ?? assert.fail('nobody came'));
  const safe = first.filter((each) => nodeOf(each) !== scene.victimId);
  for (const { connectionId } of safe.slice(0, stayersCount)) scene.stayers.add(connectionId);
  await scene.watch();
  await scene.settle(t, 'the first snapshots');

  const others = first.filter(({ connectionId }) => !scene.stayers.has(connectionId));
  const [leaving, flapping] = [others.slice(0, 30), others.slice(30, 50)];
  for (const { userId = '' } of flapping) scene.faithful.add(userId);
  const ways = ['leave', 'close', 'cut'] as const;
  await Promise.all([
    scene.come(130),
    ...leaving.map((client, index) => scene.leave(client, ways[index % ways.length] ?? 'leave')),
    ...flapping.map((client, index) => scene.flap(client, index)),
    ...others.slice(50, 70).map((client) => {
      return client.done({ type: 'setState', group: room, state: { mood: client.connectionId } });
    }),
  ]);
  assert.equal(scene.members.size, membersCount);
  await scene.settle(t, 'coming, leaving and flapping');
  for (const client of others.slice(50, 70)) {
    const { connectionId } = client;
    for (const { view } of scene.watchers) {
      assert.deepEqual(view.members.get(connectionId)?.state, { mood: connectionId });
    }
  }
}

/** Some members of the killed node come back elsewhere, the others do not. */
async function kill(t: TestContext, scene: Scene): Promise<void> {
  const { victimId } = scene;
  const lost = [...scene.members.values()].filter((each) => nodeOf(each) === victimId);
  assert.ok(lost.length > 20, `${lost.length} members were on the node`);
  // They are missed between the end of their node and their return.
  for (const { userId = '' } of lost) scene.faithful.delete(userId);
  scene.watchers = scene.watchers.filter(({ client }) => nodeOf(client) !== victimId);
  assert.equal(scene.watchers.length, (nodesCount - 1) * watchersPerNode);

  await scene.nodes.kill(victimId);
  for (const { connectionId } of lost) scene.members.delete(connectionId);
  for (const { userId = '' } of lost.slice(0, 20)) await comeBack(scene, userId);
  await scene.settle(t, 'a node was killed, and some of its members came back');
}

async function comeBack(scene: Scene, userId: string): Promise<void> {
  const at = scene.addressBeside(scene.victimId);
  // Of several workers behind one address, the one that is gone may have been given the connection.
  const connect = (): Promise<unknown> => scene.connect(at, userId, [room]).catch(() => undefined);
  await waitFor(connect, { what: `${userId} is back`, deadlineMs: 20_000 });
}
