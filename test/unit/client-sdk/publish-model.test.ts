/** Publishing over connections that break (publish-model.ts): one effect each, in order, no echo. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Group } from '../../../client-sdk/src/group.ts';
import { FakeWorld } from './fakes.ts';
import { PublishModel } from './publish-model.ts';

interface Stage {
  readonly world: FakeWorld;
  readonly model: PublishModel;
  readonly group: Group;
  /** What was published, in order; true: with `noEcho`. */
  readonly published: boolean[];
  readonly outcomes: Promise<unknown>[];
}

type Move = (stage: Stage) => void | Promise<void>;

const move: fc.Arbitrary<Move> = fc.oneof(
  fc.boolean().map((noEcho): Move => ({ group, outcomes, published }) => {
    published.push(noEcho);
    outcomes.push(group.publish(published.length - 1, { noEcho, timeoutMs: 1e9 }));
  }),
  fc.nat(3).map(
    (count): Move =>
      ({ model }) =>
        model.serve(count),
  ),
  fc.nat(3).map(
    (count): Move =>
      ({ model }) =>
        model.lose(count),
  ),
  fc.constant<Move>(({ model }) => model.deliver()),
  fc.constant<Move>(({ world }) => world.sockets.at(-1)?.shut()),
  fc.nat(1000).map(
    (withinMs): Move =>
      ({ world }) =>
        world.sockets.at(-1)?.say({ type: 'goaway', reason: '', withinMs }),
  ),
  fc.nat(2000).map(
    (ms): Move =>
      ({ world }) =>
        world.clock.pass(ms),
  ),
);

test('publishing: each has one effect, in order, and noEcho keeps its promise', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(move, { maxLength: 50, size: 'max' }), async (moves) => {
      const world = new FakeWorld();
      const model = new PublishModel(world);
      const client = world.client();
      const group = client.group('g');
      const got: unknown[] = [];
      group.on('message', ({ data }) => got.push(data));
      group.on('gap', () => got.push('gap'));
      await world.clock.pass(0);
      // A member from the beginning, so that all that follows must come.
      model.serve(1);
      const stage: Stage = { world, model, group, published: [], outcomes: [] };
      for (const each of moves) await each(stage);
      for (let round = 0; round < 10; round += 1) {
        await world.clock.pass(5000);
        for (const socket of world.sockets) socket.say({ type: 'heartbeat' });
        for (let turn = 0; turn < 3; turn += 1) model.serve(100);
        model.deliver();
      }
      const all = [...stage.published.keys()];
      assert.deepEqual(
        model.entries.map(({ data }) => data),
        all,
      );
      assert.deepEqual(
        got,
        all.filter((index) => stage.published[index] !== true),
      );
      assert.equal((await Promise.all(stage.outcomes)).length, all.length);
      client.close();
      assert.equal(world.clock.pending, 0);
    }),
    { numRuns: 300 },
  );
});
