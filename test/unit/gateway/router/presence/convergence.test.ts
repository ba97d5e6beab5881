/**
 * Presence against a model: whatever happens to members, nodes and messages, every watcher's view is
 * the truth a bounded time after the last of it, and a member who stays is never missing from one.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { SeededRandom } from '../../../../support/seeded-random.ts';
import {
  lost,
  PresenceWorld,
  prompt,
  type NodeClient,
  type PresenceNode,
  type WatchedGroup,
} from './presence-world.ts';

const groups = ['red', 'blue'];
const nodesCount = 3;
/** After the last change and the last fault: what the documentation promises. */
const boundMs = 5000;

const shares = fc.constantFrom(0, 0.1, 0.3, 0.6);
const index = fc.nat(1000);
const group = fc.constantFrom(...groups);
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('come' as const), node: index, group }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('go' as const),
      member: index,
      how: fc.constantFrom('left' as const, 'lost' as const),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('flap' as const), member: index, node: index }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('move' as const), member: index, node: index }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('say' as const), member: index }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('watch' as const), node: index, group }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('unwatch' as const), watcher: index }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('lose' as const), share: fc.constantFrom(0, 0.3, 1) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('pause' as const),
      node: index,
      ms: fc.constantFrom(500, 2000),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('pass' as const),
      ms: fc.constantFrom(25, 100, 700, 2500),
    }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const severe = fc.oneof(
  { weight: 6, arbitrary: step },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('kill' as const), node: index }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('depart' as const), node: index }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('born' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('split' as const), node: index }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('sleep' as const),
      node: index,
      ms: fc.constantFrom(4500, 12_000),
    }),
  },
);
type Severe = typeof severe extends fc.Arbitrary<infer T> ? T : never;

interface Member {
  client: NodeClient;
  readonly group: string;
  version: number;
}

interface Watcher {
  readonly client: NodeClient;
  readonly group: string;
  readonly view: WatchedGroup;
}

class Run {
  readonly world: PresenceWorld;
  readonly #random: () => number;
  members: Member[] = [];
  watchers: Watcher[] = [];
  /** Members that are there from the first to the last. */
  readonly stayers = new Map<string, string[]>(groups.map((name) => [name, []]));
  readonly missing: string[] = [];
  #share = 0;
  #split: PresenceNode | undefined;
  #lastId = 0;

  constructor(seed: number) {
    const chance = new SeededRandom(seed);
    this.#random = () => chance.below(1_000_000) / 1_000_000;
    this.world = new PresenceWorld({ random: this.#random });
    this.world.fate = (from, to, isToAll) => {
      const isCut =
        this.#split !== undefined && from !== to && (from === this.#split || to === this.#split);
      // What goes to all makes nodes known, and is lost only when a node is cut off.
      if (isCut || (!isToAll && this.#random() < this.#share)) return lost;
      return this.#random() < 0.8
        ? prompt
        : { isLost: false, delayMs: 25 * Math.floor(this.#random() * 8) };
    };
  }

  get living(): readonly PresenceNode[] {
    return this.world.nodes.filter(({ isDead }) => !isDead);
  }

  node(at: number): PresenceNode {
    return pick(this.living, at) ?? assert.fail('no node is left');
  }

  async begin(share: number): Promise<void> {
    for (let count = 0; count < nodesCount; count += 1) {
      const node = await this.world.addNode();
      for (const name of groups) {
        this.stayers.get(name)?.push(this.#come(node, name).client.connectionId);
      }
    }
    await this.world.pass(500);
    for (const node of this.living) for (const name of groups) await this.#watch(node, name);
    this.#share = share;
  }

  async step(one: Step | Severe): Promise<void> {
    switch (one.kind) {
      case 'come':
        this.members.push(this.#come(this.node(one.node), one.group));
        break;
      case 'go':
        this.#go(one.member, one.how);
        break;
      case 'flap': {
        const gone = this.#go(one.member, 'lost');
        if (gone !== undefined)
          this.members.push(this.#come(this.node(one.node), gone.group, gone.client.userId));
        break;
      }
      case 'move':
        this.#move(one.member, this.node(one.node));
        break;
      case 'say': {
        const member = pick(this.members, one.member);
        if (member === undefined) break;
        member.version += 1;
        member.client.say(member.group, [['version', String(member.version)]]);
        break;
      }
      case 'watch':
        if (!this.node(one.node).isPaused) await this.#watch(this.node(one.node), one.group);
        break;
      case 'unwatch': {
        const watcher = pick(this.watchers, one.watcher);
        watcher?.client.unwatch(watcher.group);
        this.watchers = this.watchers.filter((each) => each !== watcher);
        break;
      }
      case 'lose':
        this.#share = one.share;
        break;
      case 'pause':
      case 'sleep':
        await this.#pause(this.node(one.node), one.ms);
        break;
      case 'pass':
        await this.world.pass(one.ms);
        break;
      case 'born':
        if (this.living.length < 5) await this.world.addNode();
        break;
      case 'split':
        this.#split = this.#split === undefined ? this.node(one.node) : undefined;
        break;
      case 'kill':
      case 'depart':
        await this.#end(this.node(one.node), one.kind);
        break;
    }
    await this.world.settle();
  }

  /** The last fault is over; the bound runs from here. */
  async heal(): Promise<void> {
    this.#share = 0;
    this.#split = undefined;
    await this.world.pass(boundMs);
  }

  check(): void {
    for (const { client, group: name, view } of this.watchers) {
      const where = `${name} as ${client.node.nodeId} sees it`;
      assert.deepEqual(view.ids(), this.world.truth(name), where);
      for (const member of this.members.filter((each) => each.group === name)) {
        const state = view.states.get(member.client.connectionId);
        const said = member.version === 0 ? undefined : [['version', String(member.version)]];
        assert.deepEqual(state, said, `the state of ${member.client.connectionId} in ${where}`);
      }
    }
  }

  #come(node: PresenceNode, name: string, userId?: string): Member {
    this.#lastId += 1;
    const client = node.connect(`${node.nodeId}-c${this.#lastId}`, userId ?? `u${this.#lastId}`);
    client.join(name, undefined, this.world.clock.wallSeconds() * 1000);
    return { client, group: name, version: 0 };
  }

  #go(at: number, how: 'left' | 'lost'): Member | undefined {
    const member = pick(this.members, at);
    if (member === undefined) return undefined;
    member.client.leave(member.group, how);
    this.members = this.members.filter((each) => each !== member);
    return member;
  }

  /** The same connection goes on at another node. */
  #move(at: number, node: PresenceNode): void {
    const member = pick(this.members, at);
    if (member === undefined || member.client.node === node) return;
    const { client, group: name } = member;
    const moved = node.connect(client.connectionId, client.userId);
    const said =
      member.version === 0 ? undefined : ([['version', String(member.version)]] as const);
    moved.join(name, said, this.world.clock.wallSeconds() * 1000);
    client.leave(name, 'moved');
    member.client = moved;
  }

  async #watch(node: PresenceNode, name: string): Promise<void> {
    this.#lastId += 1;
    const client = node.connect(`${node.nodeId}-w${this.#lastId}`, undefined);
    const seen = new Set<string>();
    const pending = client.watch(name, (members) => {
      for (const id of this.stayers.get(name) ?? []) {
        if (members.has(id)) seen.add(id);
        else if (seen.has(id)) this.missing.push(`${id} from ${client.connectionId}`);
      }
    });
    const begun = await this.#during(pending);
    this.watchers.push({ client, group: name, view: begun });
  }

  /** Lets time pass until something has happened. */
  async #during<T>(pending: Promise<T>): Promise<T> {
    const outcome: T[] = [];
    void pending.then((value) => outcome.push(value));
    for (let waited = 0; outcome.length === 0 && waited < 5000; waited += 25) {
      await this.world.pass(25);
    }
    return outcome[0] ?? assert.fail('it did not happen in time');
  }

  async #pause(node: PresenceNode, ms: number): Promise<void> {
    node.isPaused = true;
    await this.world.pass(ms);
    node.isPaused = false;
    // Until it has been heard: pauses in a row would be one long silence.
    await this.world.pass(1500);
  }

  async #end(node: PresenceNode, how: 'kill' | 'depart'): Promise<void> {
    if (this.living.length < 2) return;
    if (how === 'kill') node.kill();
    else await node.leave();
    this.members = this.members.filter(({ client }) => client.node !== node);
    this.watchers = this.watchers.filter(({ client }) => client.node !== node);
  }
}

function pick<T>(all: readonly T[], at: number): T | undefined {
  return all[at % all.length];
}

describe('presence: convergence', () => {
  test('whatever members do and messages suffer: the truth in time, and nobody who stays is missed', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(),
        shares,
        fc.array(step, { maxLength: 40 }),
        async (seed, share, steps) => {
          const run = new Run(seed);
          await run.begin(share);
          for (const one of steps) await run.step(one);
          await run.heal();
          run.check();
          assert.deepEqual(run.missing, []);
        },
      ),
      { numRuns: 60 },
    );
  });

  test('whatever becomes of nodes, too: the truth in time', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(),
        shares,
        fc.array(severe, { maxLength: 40 }),
        async (seed, share, steps) => {
          const run = new Run(seed);
          await run.begin(share);
          for (const one of steps) await run.step(one);
          await run.heal();
          run.check();
        },
      ),
      { numRuns: 60 },
    );
  });
});
