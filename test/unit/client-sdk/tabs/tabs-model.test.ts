/** Tabs that come, crash, freeze and hang, on a gateway that does everything it may do. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Client } from '../../../../client-sdk/src/client.ts';
import type { Group } from '../../../../client-sdk/src/group.ts';
import { FakeWorld } from '../fakes.ts';
import { StreamModel } from '../stream-model.ts';
import { FakeBrowser, type FakeTab } from './fake-browser.ts';

/** The same histories each time; other ones, and more of them, by these variables. */
const seed = Number(process.env['TABS_SEED'] ?? 1);
const runs = Number(process.env['TABS_RUNS'] ?? 150);

type Mode = 'worker' | 'leader';

interface Seat {
  readonly tab: FakeTab;
  readonly client: Client;
  readonly group: Group;
  readonly endWatch: () => void;
}

class Stage {
  readonly world = new FakeWorld();
  readonly model = new StreamModel(this.world);
  readonly browser = new FakeBrowser(this.world);
  readonly seats: Seat[] = [];
  readonly errors: unknown[] = [];
  readonly #workerUrl: string | undefined;

  constructor(mode: Mode) {
    this.#workerUrl = mode === 'worker' ? '/worker.js' : undefined;
  }

  open(): void {
    if (this.seats.length >= 4) return;
    const tab = this.browser.open();
    const client = tab.client({ workerUrl: this.#workerUrl });
    client.on('error', (error) => this.errors.push(error));
    const group = client.group('g');
    this.seats.push({ tab, client, group, endWatch: this.model.watch(group) });
  }

  /** Takes the tab at this place away; undefined: there are none. */
  take(at: number): Seat | undefined {
    const [seat] = this.seats.splice(at % Math.max(1, this.seats.length), 1);
    seat?.endWatch();
    return seat;
  }

  seat(at: number): Seat | undefined {
    return this.seats[at % Math.max(1, this.seats.length)];
  }

  /** Time passes, and the gateway does what it must. */
  async settle(): Promise<void> {
    for (let round = 0; round < 12; round += 1) {
      await this.world.clock.pass(5000);
      for (const socket of this.world.sockets) socket.say({ type: 'heartbeat' });
      for (let turn = 0; turn < 3; turn += 1) {
        this.model.answer(true);
        this.model.give(0, true);
        await this.world.clock.pass(0);
      }
    }
  }
}

type Run = (stage: Stage) => void | Promise<void>;

interface Move {
  readonly run: Run;
  /** Shown when a test has failed. */
  toString(): string;
}

/** Moves by their name in the report of a failure. */
function moves<T>(values: fc.Arbitrary<T>, run: (stage: Stage, value: T) => void | Promise<void>) {
  const name = run.toString().replace(/^.*=>/, '');
  return values.map((value): Move => ({
    run: (stage) => run(stage, value),
    toString: () => `${name} ${JSON.stringify(value)}`,
  }));
}

const small = fc.integer({ min: 1, max: 4 });
const seat = fc.nat(3);

async function answer({ model, world }: Stage): Promise<void> {
  model.answer(true);
  await world.clock.pass(0);
}

const answers = moves(fc.constant(true), answer);

async function joined(stage: Stage): Promise<void> {
  // Greets, and answers.
  for (let round = 0; round < 2; round += 1) await answer(stage);
}

/** What the gateway and the network do. */
const outside: fc.Arbitrary<Move> = fc.oneof(
  moves(fc.tuple(small, fc.boolean()), ({ model }, [step, isSkip]) => model.publish(step, isSkip)),
  moves(fc.tuple(fc.nat(2), fc.boolean()), ({ model }, [leaveOut, withPrev]) =>
    model.give(leaveOut, withPrev),
  ),
  moves(fc.tuple(small, fc.nat(2)), ({ model }, [count, leaveOut]) => {
    for (let number = 0; number < count; number += 1) model.publish(1, false);
    model.give(leaveOut, true);
  }),
  moves(small, ({ model }, count) => model.repeat(count)),
  moves(small, ({ model }, keep) => model.trim(keep)),
  moves(fc.tuple(small, fc.constantFrom(undefined, 'e1', 'e2')), async (stage, [lost, epoch]) => {
    // The model holds what is given to its present history: nothing may be on its way.
    for (const { tab } of stage.seats) if (tab.thread.isBehind) tab.thread.goOn();
    await stage.world.clock.pass(0);
    stage.model.diverge(lost, epoch);
  }),
  moves(fc.boolean(), ({ model }, isAble) => model.answer(isAble)),
  moves(fc.boolean(), ({ model }, isOld) => model.bookmark(isOld)),
  moves(fc.constantFrom(1001, 1006, 4008, 4009), ({ world }, code) =>
    world.sockets.at(-1)?.shut(code),
  ),
  moves(fc.nat(2000), ({ world }, withinMs) => {
    const socket = world.sockets.at(-1);
    socket?.say({ type: 'goaway', reason: '', withinMs });
    world.clock.after(withinMs, () => socket?.shut(1001));
  }),
);

/** What the browser and its user do. */
const inside: fc.Arbitrary<Move> = fc.oneof(
  moves(fc.constant('open'), (stage) => stage.open()),
  moves(seat, (stage, at) => stage.take(at)?.tab.crash()),
  moves(seat, (stage, at) => {
    const { client, tab } = stage.take(at) ?? {};
    tab?.thread.goOn();
    client?.close();
  }),
  moves(seat, (stage, at) => stage.seat(at)?.tab.thread.freeze()),
  moves(seat, (stage, at) => stage.seat(at)?.tab.thread.stop()),
  moves(seat, (stage, at) => stage.seat(at)?.tab.thread.goOn()),
  moves(fc.nat(3000), ({ world }, ms) => world.clock.pass(ms)),
);

describe('tabs that share', () => {
  for (const mode of ['worker', 'leader'] as const) {
    test(`${mode}: each tab has each message once and in order, and nothing is left out without a gap`, async () => {
      const histories = fc.array(fc.oneof(outside, outside, inside, answers), {
        maxLength: 60,
        size: 'max',
      });
      await fc.assert(
        fc.asyncProperty(fc.boolean(), histories, async (isJoined, steps) => {
          const stage = new Stage(mode);
          stage.open();
          stage.open();
          await stage.world.clock.pass(0);
          if (isJoined) await joined(stage);
          for (const { run } of steps) await run(stage);
          stage.open();
          for (const { tab } of stage.seats) tab.thread.goOn();
          stage.model.publish(1, false);
          await stage.settle();
          assert.deepEqual(stage.errors, []);
          assert.deepEqual(
            stage.seats.map(({ client, group }) => [client.state, group.state]),
            stage.seats.map(() => ['connected', 'live']),
          );
          assert.ok(stage.model.isComplete);
          const open = stage.world.sockets.filter(({ isOver }) => !isOver);
          assert.equal(open.length, 1);
          for (const { client } of stage.seats) client.close();
          await stage.world.clock.pass(0);
          assert.equal(stage.world.sockets.filter(({ isOver }) => !isOver).length, 0);
          assert.equal(stage.browser.lockCount, 0);
        }),
        { numRuns: runs, seed, includeErrorInReport: true },
      );
    });
  }
});
