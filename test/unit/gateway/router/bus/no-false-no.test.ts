/**
 * A property of the node bus under faults: nobody is ever told that a user does not exist who has
 * been connected to a living node all the time, and when the faults are over every answer is right.
 * Not among the faults: a newcomer while every other node is paused, deaf or in doubt.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { GatewayError } from '../../../../../gateway/errors.ts';
import type { TestClient } from '../fakes.ts';
import { Network, type SimulatedNode } from './simulation.ts';

const nodesAtStart = 3;
const chaosMs = 40_000;
/** Longer than death, and than what a node needs to know all others again. */
const calmMs = 16_000;
/** Together with a cut before and after it, and a heartbeat each: shorter than death. */
const pauseMsMax = 6000;
const cutMsMax = 700;
/** An adapter notices its own deafness by then (the canary's time), and tells of the gap. */
const deafMsMax = 2000;

interface Event {
  readonly atMs: number;
  readonly node: number;
  readonly what:
    | { readonly kind: 'ask'; readonly user: number }
    | { readonly kind: 'connect' | 'disconnect'; readonly user: number }
    | { readonly kind: 'pause'; readonly ms: number; readonly isLastFirst: boolean }
    | { readonly kind: 'deaf' | 'cut'; readonly ms: number }
    | { readonly kind: 'kill' | 'leave' | 'join' };
}

const numRuns = process.env['LONG_TESTS'] === '1' ? 2000 : 30;
const users = 4;
const user = fc.nat(users - 1);

const whatArbitrary: fc.Arbitrary<Event['what']> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ kind: fc.constant('ask' as const), user }) },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constantFrom('connect' as const, 'disconnect'), user }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('pause' as const),
      ms: fc.integer({ min: 100, max: pauseMsMax }),
      isLastFirst: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('deaf' as const),
      ms: fc.integer({ min: 50, max: deafMsMax }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('cut' as const),
      ms: fc.integer({ min: 50, max: cutMsMax }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constantFrom('kill' as const, 'leave', 'join') }),
  },
);

const eventArbitrary: fc.Arbitrary<Event> = fc.record({
  atMs: fc.nat(chaosMs / 100).map((tenths) => tenths * 100),
  node: fc.nat(nodesAtStart),
  what: whatArbitrary,
});

type Placed = {
  readonly client: TestClient;
  readonly node: SimulatedNode;
  readonly sinceMs: number;
};

class World {
  readonly network: Network;
  /** Everybody's connections; those of nodes that end are taken away. */
  readonly placed = new Map<string, Placed[]>();
  readonly #paused = new Set<SimulatedNode>();
  readonly #ended = new Set<SimulatedNode>();
  readonly #joining: Promise<unknown>[] = [];
  readonly #asked: { readonly node: SimulatedNode; readonly answered: Promise<void> }[] = [];
  answers = { yes: 0, no: 0, unknown: 0 };

  constructor(network: Network) {
    this.network = network;
  }

  get living(): readonly SimulatedNode[] {
    return this.network.nodes.filter((node) => !this.#ended.has(node));
  }

  run({ node: at, what }: Event): void {
    const { living, network } = this;
    const node = living[at % living.length];
    if (node === undefined) return;
    const { clock } = network;
    switch (what.kind) {
      case 'ask':
        if (this.#paused.has(node)) break;
        this.#note(node, this.#ask(node, `u${what.user}`));
        break;
      case 'connect':
        if (!this.#paused.has(node)) this.#connect(node, `u${what.user}`);
        break;
      case 'disconnect':
        this.#disconnect(node, `u${what.user}`);
        break;
      case 'pause':
        if (this.#paused.has(node)) break;
        this.#paused.add(node);
        node.pause();
        clock.after(what.ms, () => {
          this.#paused.delete(node);
          if (!this.#ended.has(node)) node.resume(what.isLastFirst);
        });
        break;
      case 'deaf':
        if (node.link.isDeaf) break;
        node.link.isDeaf = true;
        clock.after(what.ms, () => node.link.recover());
        break;
      case 'cut':
        node.link.isCut = true;
        clock.after(what.ms, () => {
          node.link.isCut = false;
        });
        break;
      case 'kill':
        if (living.length > 1) this.#end(node, () => node.kill());
        break;
      case 'leave':
        if (living.length > 1 && !this.#paused.has(node)) {
          this.#end(node, () => void node.bus.stop().then(() => node.link.close()));
        }
        break;
      case 'join':
        if (network.nodes.length < 2 * nodesAtStart && this.#canIntroduce) this.#join();
        break;
    }
  }

  /** Everything has an answer that was asked of nodes that live still. */
  async settle(): Promise<void> {
    const asked = this.#asked.filter(({ node }) => !this.#ended.has(node));
    const answered = asked.map((question) => question.answered);
    await this.network.during(Promise.all([...this.#joining, ...answered]));
  }

  /** What every living node says about everybody. */
  async everyAnswerIsRight(): Promise<void> {
    for (const node of this.living) {
      for (let index = 0; index < users; index += 1) {
        const name = `u${index}`;
        const answer = await this.network.during(node.directory.userExists('hub', name));
        assert.equal(answer, (this.placed.get(name) ?? []).length > 0, `${node.nodeId}: ${name}`);
      }
    }
  }

  #note(node: SimulatedNode, answered: Promise<void>): void {
    // Looked at when the faults are over.
    answered.catch(() => undefined);
    this.#asked.push({ node, answered });
  }

  /** A newcomer needs one to hear of whom it cannot hear: a node that is paused or deaf. */
  get #canIntroduce(): boolean {
    return this.living.some(
      (node) => !this.#paused.has(node) && !node.link.isDeaf && !node.bus.isInDoubt(),
    );
  }

  #join(): void {
    // Ready is when its start is over; a start that fails makes no node.
    const node = this.network.create();
    this.#ended.add(node);
    this.#joining.push(
      node.start().then(
        () => this.#ended.delete(node),
        () => node.kill(),
      ),
    );
  }

  #connect(node: SimulatedNode, name: string): void {
    void node.connect({ userId: name }).then((client) => {
      if (this.#ended.has(node)) return;
      const sinceMs = this.network.clock.monotonicMs();
      this.#connectionsOf(name).push({ client, node, sinceMs });
    });
  }

  #disconnect(node: SimulatedNode, name: string): void {
    const connections = this.#connectionsOf(name);
    const index = connections.findIndex((placed) => placed.node === node);
    const [placed] = index < 0 ? [] : connections.splice(index, 1);
    placed?.client.vanish();
  }

  #end(node: SimulatedNode, end: () => void): void {
    this.#ended.add(node);
    for (const [name, connections] of this.placed) {
      this.placed.set(
        name,
        connections.filter((placed) => placed.node !== node),
      );
    }
    // A node that leaves has closed its connections before.
    node.router.hubs.closeAll('The node is going away');
    end();
  }

  async #ask(node: SimulatedNode, name: string): Promise<void> {
    const askedAtMs = this.network.clock.monotonicMs();
    try {
      const answer = await node.directory.userExists('hub', name);
      this.answers[answer ? 'yes' : 'no'] += 1;
      if (answer) return;
      const there = this.#connectionsOf(name).filter(({ sinceMs }) => sinceMs <= askedAtMs);
      const where = there.map((placed) => placed.node.nodeId).join();
      assert.equal(where, '', `${node.nodeId} said no at ${askedAtMs} about ${name}, who is there`);
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      assert.match(error.code, /^(nodes-missing|backplane-unavailable)$/);
      this.answers.unknown += 1;
    }
  }

  #connectionsOf(name: string): Placed[] {
    const connections = this.placed.get(name) ?? [];
    this.placed.set(name, connections);
    return connections;
  }
}

async function play(events: readonly Event[], seed: number, countsReceivers: boolean) {
  const random = fc.sample(fc.nat(999), { seed, numRuns: 997 });
  let drawn = 0;
  const draw = (): number => {
    drawn += 1;
    return random[drawn % random.length] ?? 0;
  };
  const network = new Network({
    countsReceivers,
    delayMs: () => draw() % 40,
    losesCall: () => draw() < 50,
  });
  await network.addAll(nodesAtStart);
  await network.pass(4000);
  const world = new World(network);
  const startMs = network.clock.monotonicMs();
  for (const event of [...events].sort((one, other) => one.atMs - other.atMs)) {
    await network.pass(event.atMs - (network.clock.monotonicMs() - startMs));
    world.run(event);
  }
  await network.pass(pauseMsMax);
  await world.settle();
  network.options.losesCall = () => false;
  await network.pass(calmMs);
  await world.everyAnswerIsRight();
  return world.answers;
}

for (const countsReceivers of [true, false]) {
  const how = countsReceivers ? 'counts receivers' : 'does not count receivers';
  test(`node bus: no false no under faults, on a broker that ${how}`, async () => {
    const total = { yes: 0, no: 0, unknown: 0 };
    await fc.assert(
      fc.asyncProperty(
        fc.array(eventArbitrary, { minLength: 40, maxLength: 120 }),
        fc.nat(),
        async (events, seed) => {
          const answers = await play(events, seed, countsReceivers);
          for (const kind of ['yes', 'no', 'unknown'] as const) total[kind] += answers[kind];
        },
      ),
      { numRuns, endOnFailure: true },
    );
    // Each kind must have come up, or nothing was shown.
    for (const [kind, count] of Object.entries(total)) assert.ok(count > 10, `${count} ${kind}`);
  });
}
