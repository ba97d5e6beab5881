/**
 * The fan-out and its slow members against a model that knows nothing of turns, slices and rings:
 * a list of what each connection must get from each destination.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { closeCodes } from '../../../../gateway/protocol/close-codes.ts';
import { DestinationRules } from '../../../../gateway/router/destination-rules.ts';
import { DroppingRecord } from './dropping-record.ts';
import { type TestClient, TestNode } from './fakes.ts';

const droppingGroups = ['oldest', 'latest'] as const;
const groupNames = ['a', 'b', 'recover', ...droppingGroups] as const;
const rules = new DestinationRules({
  hubs: {
    hub: {
      anonymous: false,
      streams: [],
      slowConsumers: [
        { match: 'group:recover', policy: 'drop-and-recover', key: undefined },
        { match: 'group:oldest', policy: 'drop-oldest', key: undefined },
        { match: 'group:latest', policy: 'latest', key: 'key' },
      ],
    },
  },
});
const users = ['ann', 'bob'] as const;

const who = fc.nat({ max: 5 });
const step = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      what: fc.constant('publish' as const),
      to: fc.constantFrom('all', ...users, ...groupNames, 'connection'),
      who,
      size: fc.constantFrom(0, 10, 100, 3000, 30_000),
      option: fc.constantFrom('none', 'none', 'noEcho', 'excluded'),
      key: fc.constantFrom('k', 'l', undefined),
      times: fc.constant(1),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      what: fc.constant('publish' as const),
      to: fc.constantFrom('recover', ...droppingGroups),
      who,
      size: fc.constantFrom(100, 3000, 10_000),
      option: fc.constantFrom('none', 'none', 'noEcho', 'excluded'),
      key: fc.constantFrom('k', 'l', undefined),
      times: fc.constantFrom(2, 6),
    }),
  },
  { weight: 8, arbitrary: fc.record({ what: fc.constant('endTurn' as const) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      what: fc.constant('read' as const),
      who,
      bytes: fc.constantFrom(1, 50, 5000, 200_000),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ what: fc.constant('block' as const), who, room: fc.nat(5000) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      what: fc.constantFrom('join' as const, 'leave' as const),
      who,
      group: fc.constantFrom(...groupNames),
    }),
  },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('vanish' as const), who }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('reply' as const), who }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('pass' as const), ms: fc.nat(3000) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** What one connection must have got, by destination. */
interface Expectation {
  readonly client: TestClient;
  readonly userId: string;
  readonly groups: Set<string>;
  readonly byDestination: Map<string, string[]>;
  /** Destinations that drop messages; a new record for each time of membership. */
  readonly dropping: Map<string, DroppingRecord>;
  /** Must be complete in the end; false once it vanished. */
  isLive: boolean;
}

class Model {
  readonly node: TestNode;
  readonly all: Expectation[] = [];
  #sent = 0;

  constructor(node: TestNode) {
    this.node = node;
  }

  async connect(index: number): Promise<void> {
    const userId = users[index % 2] ?? 'ann';
    const groups = groupNames.filter((_, at) => (index + at) % 3 !== 0);
    const client = await this.node.connect({ userId, groups });
    const dropping = new Map(
      droppingGroups
        .filter((name) => groups.includes(name))
        .map((name) => [name, new DroppingRecord(name, client)]),
    );
    this.all.push({
      client,
      userId,
      groups: new Set(groups),
      byDestination: new Map(),
      dropping,
      isLive: true,
    });
  }

  async apply(action: Step): Promise<void> {
    const one = 'who' in action ? this.all[action.who] : undefined;
    switch (action.what) {
      case 'publish':
        for (let time = 0; time < action.times; time += 1) {
          await this.#publish(action);
          if (action.times > 1) this.node.clock.endTurn();
        }
        break;
      case 'endTurn':
        this.node.clock.endTurn();
        break;
      case 'pass':
        // Between collecting and writing no time passes.
        this.node.clock.endTurn();
        this.node.clock.advance(action.ms);
        break;
      case 'read':
        one?.client.read(action.bytes);
        break;
      case 'block':
        if (one !== undefined) one.client.socket.roomBytes = action.room;
        break;
      case 'reply':
        one?.client.subscriber.sendReply({ bytes: Buffer.from('reply'), isBinary: false });
        break;
      case 'join':
        await this.#join(one, action.group);
        break;
      case 'leave':
        this.#leave(one, action.group);
        break;
      case 'vanish':
        if (one !== undefined) one.isLive = false;
        one?.client.vanish();
    }
  }

  async #join(one: Expectation | undefined, group: string): Promise<void> {
    this.node.clock.endTurn();
    if (one?.isLive !== true) return;
    await this.node.router.members.join(one.client.subscriber, group);
    if (isDropping(group) && !one.groups.has(group)) {
      one.dropping.set(group, new DroppingRecord(group, one.client));
    }
    one.groups.add(group);
  }

  /** What it was sent before may be missing from then on, but only that. */
  #leave(one: Expectation | undefined, group: string): void {
    this.node.clock.endTurn();
    if (one === undefined || !one.groups.delete(group)) return;
    this.node.router.members.leave(one.client.subscriber, group);
    one.dropping.get(group)?.check();
    one.dropping.delete(group);
    if (isDropping(group)) return;
    const got = received(one).get(group) ?? [];
    assertPrefix(got, one.byDestination.get(group) ?? []);
    one.byDestination.set(group, [...got]);
  }

  async #publish(action: Extract<Step, { what: 'publish' }>): Promise<void> {
    const sender = this.all[action.who];
    if (sender === undefined) return;
    this.#sent += 1;
    const { connectionId } = sender.client.subscriber;
    const { to } = action;
    const isUser = to === 'ann' || to === 'bob';
    const text = `${to} ${this.#sent} ${'x'.repeat(action.size)}`;
    await this.node.publish(destinationOf(to, connectionId), text, {
      sender: { connectionId, userId: sender.userId },
      noEcho: action.option === 'noEcho',
      excluded: action.option === 'excluded' ? [connectionId] : [],
      metadata: action.key === undefined ? undefined : { key: action.key },
    });
    for (const one of this.all) {
      const isLeftOut = one === sender && action.option !== 'none';
      const audience = action.option === 'excluded' ? connectionId : undefined;
      one.dropping.get(to)?.add({ text, isFor: !isLeftOut, audience, key: action.key });
      if (isLeftOut || isDropping(to)) continue;
      const isFor =
        to === 'all' ||
        (isUser && one.userId === to) ||
        (to === 'connection' && one === sender) ||
        one.groups.has(to);
      if (!isFor) continue;
      const list = one.byDestination.get(to) ?? [];
      one.byDestination.set(to, [...list, text]);
    }
  }

  /**
   * Lets everybody read to the end, and compares.
   * @param isAmple rings have dropped nothing over their bounds.
   */
  check(isAmple: boolean): void {
    this.node.clock.endTurn();
    for (const one of this.all) {
      for (let round = 0; round < 1000 && one.client.subscriber.isCongested; round += 1) {
        one.client.read();
      }
      const { closedWith } = one.client.socket;
      const got = received(one);
      for (const [destination, expected] of one.byDestination) {
        const texts = got.get(destination) ?? [];
        assertPrefix(texts, expected);
        const mustBeComplete = one.isLive && closedWith === undefined;
        if (mustBeComplete) assert.equal(texts.length, expected.length, 'a hole at the end');
      }
      for (const [destination, texts] of got) {
        if (!isDropping(destination)) {
          assertPrefix(texts, one.byDestination.get(destination) ?? []);
        }
      }
      for (const [name, record] of one.dropping) {
        record.check();
        if (!one.isLive || closedWith !== undefined) continue;
        record.checkComplete();
        if (isAmple && name === 'oldest') record.checkNothingDropped();
        if (isAmple && name === 'latest') record.checkNewest();
      }
      if (closedWith === undefined) continue;
      assert.ok(
        closedWith.code === closeCodes.slowConsumer || closedWith.code === closeCodes.resumeNow,
      );
    }
  }

  async checkEmptied(): Promise<void> {
    const { node } = this;
    for (const one of this.all) one.client.vanish();
    node.clock.endTurn();
    assert.equal(node.router.congestion.size, 0);
    assert.equal(node.router.ringBudget.bytes, 0);
    for (const name of groupNames) {
      const target = node.router.hubs.find('hub', { kind: 'group', name });
      assert.equal(target?.laggards ?? 0, 0);
      assert.equal(target?.members.length ?? 0, 0);
    }
    node.clock.advance(5000);
    await node.publish({ kind: 'all' }, 'nobody is here');
    assert.equal(node.router.hubs.targetCount, 0);
    assert.equal(node.router.hubs.connectionCount, 0);
    assert.deepEqual(node.errors, []);
  }
}

/** What a connection got, by destination. */
function received(one: Expectation): Map<string, string[]> {
  const byDestination = new Map<string, string[]>();
  for (const text of one.client.texts) {
    if (text.startsWith('reply')) continue;
    const destination = text.slice(0, text.indexOf(' '));
    const list = byDestination.get(destination) ?? [];
    list.push(text);
    byDestination.set(destination, list);
  }
  return byDestination;
}

function isDropping(destination: string): boolean {
  return droppingGroups.some((name) => name === destination);
}

function assertPrefix(texts: readonly string[], expected: readonly string[]): void {
  assert.deepEqual(texts.map(short), expected.slice(0, texts.length).map(short));
}

/** Destination and number, without the padding. */
function short(text: string): string {
  return text.slice(0, 20);
}

function destinationOf(to: string, connectionId: string) {
  if (to === 'all') return { kind: 'all' } as const;
  if (to === 'connection') return { kind: 'connection', name: connectionId } as const;
  if (to === 'ann' || to === 'bob') return { kind: 'user', name: to } as const;
  return { kind: 'group', name: to } as const;
}

/** What a run has tried: without these the test would test little. */
interface Tried {
  late: number;
  resumes: number;
  droppedOldest: number;
  droppedLatest: number;
}

async function run(steps: readonly Step[], ringBytes: number, tried: Tried): Promise<void> {
  const node = await TestNode.start({
    rules,
    limits: { ringBytesPerDestinationMax: ringBytes, congestedMsMax: 5000 },
  });
  const model = new Model(node);
  for (let index = 0; index < 6; index += 1) await model.connect(index);
  for (const action of steps) await model.apply(action);
  model.check(ringBytes >= ampleBytes);
  const { congestion, counters } = node.router;
  tried.late += congestion.lateDeliveries;
  tried.resumes += counters.slowCloses['drop-and-recover'];
  tried.droppedOldest += counters.slowDropped['drop-oldest'];
  tried.droppedLatest += counters.slowDropped.latest;
  await model.checkEmptied();
}

const ampleBytes = 10_000_000;

describe('congestion against a model', () => {
  for (const [size, ringBytes] of [
    ['ample', ampleBytes],
    ['scarce', 64 * 1024],
  ] as const) {
    test(`congestion: with ${size} rings everybody gets what it should, is told what it does not get, or is closed`, async () => {
      const tried: Tried = { late: 0, resumes: 0, droppedOldest: 0, droppedLatest: 0 };
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 120 }), async (steps) => {
          await run(steps, ringBytes, tried);
        }),
        { numRuns: 150 },
      );
      const isScarce = ringBytes < ampleBytes;
      const { droppedLatest, droppedOldest, late, resumes } = tried;
      const shown = JSON.stringify(tried);
      assert.ok(late > 100 && droppedLatest > 20, `the test tests little: ${shown}`);
      assert.equal(droppedOldest > 0, isScarce, shown);
      assert.equal(resumes > 0, isScarce, shown);
    });
  }
});
