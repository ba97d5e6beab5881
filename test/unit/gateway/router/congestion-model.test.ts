/**
 * The fan-out and its slow members against a model that knows nothing of turns, slices and rings:
 * a list of what each connection must get from each destination.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { closeCodes } from '../../../../gateway/protocol/close-codes.ts';
import { type TestClient, TestNode } from './fakes.ts';

const groupNames = ['a', 'b', 'c'] as const;
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
    weight: 3,
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
    this.all.push({
      client,
      userId,
      groups: new Set(groups),
      byDestination: new Map(),
      isLive: true,
    });
  }

  async apply(action: Step): Promise<void> {
    const one = 'who' in action ? this.all[action.who] : undefined;
    switch (action.what) {
      case 'publish':
        await this.#publish(action);
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
    one.groups.add(group);
  }

  /** What it was sent before may be missing from then on, but only that. */
  #leave(one: Expectation | undefined, group: string): void {
    this.node.clock.endTurn();
    if (one === undefined || !one.groups.delete(group)) return;
    this.node.router.members.leave(one.client.subscriber, group);
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
    });
    for (const one of this.all) {
      if (one === sender && action.option !== 'none') continue;
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

  /** Lets everybody read to the end, and compares. */
  check(): void {
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
        assertPrefix(texts, one.byDestination.get(destination) ?? []);
      }
      if (closedWith !== undefined) assert.equal(closedWith.code, closeCodes.slowConsumer);
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

async function run(steps: readonly Step[], ringBytes: number): Promise<number> {
  const node = await TestNode.start({
    limits: { ringBytesPerDestinationMax: ringBytes, congestedMsMax: 5000 },
  });
  const model = new Model(node);
  for (let index = 0; index < 6; index += 1) await model.connect(index);
  for (const action of steps) await model.apply(action);
  model.check();
  const late = node.router.congestion.lateDeliveries;
  await model.checkEmptied();
  return late;
}

describe('congestion against a model', () => {
  for (const [size, ringBytes] of [
    ['ample', 10_000_000],
    ['scarce', 64 * 1024],
  ] as const) {
    test(`congestion: with ${size} rings everybody gets exactly what it should, or is closed with 4008`, async () => {
      let late = 0;
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 120 }), async (steps) => {
          late += await run(steps, ringBytes);
        }),
        { numRuns: 150 },
      );
      assert.ok(late > 100, `only ${late} frames were given late: the test tests little`);
    });
  }
});
