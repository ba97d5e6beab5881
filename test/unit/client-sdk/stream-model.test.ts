/** The rules of a cursor, held against a gateway that does everything it may do (stream-model.ts). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FakeWorld } from './fakes.ts';
import { StreamModel } from './stream-model.ts';

type Move = (model: StreamModel, world: FakeWorld) => void | Promise<void>;

const small = fc.integer({ min: 1, max: 4 });

const move: fc.Arbitrary<Move> = fc.oneof(
  fc.tuple(small, fc.boolean()).map(
    ([step, isSkip]): Move =>
      (model) =>
        model.publish(step, isSkip),
  ),
  fc.tuple(fc.nat(2), fc.boolean()).map(
    ([leaveOut, withPrev]): Move =>
      (model) =>
        model.give(leaveOut, withPrev),
  ),
  small.map(
    (count): Move =>
      (model) =>
        model.repeat(count),
  ),
  small.map(
    (keep): Move =>
      (model) =>
        model.trim(keep),
  ),
  fc.tuple(small, fc.constantFrom(undefined, 'e1', 'e2')).map(
    ([lost, epoch]): Move =>
      (model) =>
        model.diverge(lost, epoch),
  ),
  fc.constant<Move>((model) => model.answer(true)),
  fc.boolean().map(
    (isAble): Move =>
      (model) =>
        model.answer(isAble),
  ),
  fc.boolean().map(
    (isOld): Move =>
      (model) =>
        model.bookmark(isOld),
  ),
  fc.constantFrom(1001, 1006, 4008, 4009).map(
    (code): Move =>
      (_, world) =>
        world.sockets.at(-1)?.shut(code),
  ),
  fc.nat(2000).map(
    (withinMs): Move =>
      (_, world) =>
        world.sockets.at(-1)?.say({ type: 'goaway', reason: '', withinMs }),
  ),
  fc.nat(3000).map(
    (ms): Move =>
      (_, world) =>
        world.clock.pass(ms),
  ),
);

test('a stream: each message once and in order, and nothing is left out without a gap', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(move, { maxLength: 60, size: 'max' }), async (moves) => {
      const world = new FakeWorld();
      const model = new StreamModel(world);
      const client = world.client();
      const errors: unknown[] = [];
      client.on('error', (error) => errors.push(error));
      const group = client.group('g');
      model.watch(group);
      await world.clock.pass(0);
      for (const each of moves) await each(model, world);
      model.publish(1, false);
      for (let round = 0; round < 8; round += 1) {
        await world.clock.pass(5000);
        for (const socket of world.sockets) socket.say({ type: 'heartbeat' });
        model.answer(true);
        model.give(0, true);
        model.answer(true);
        model.give(0, true);
      }
      assert.deepEqual(errors, []);
      assert.equal(group.state, 'live');
      assert.ok(model.isComplete);
      client.close();
      assert.equal(world.clock.pending, 0);
    }),
    { numRuns: 300 },
  );
});
