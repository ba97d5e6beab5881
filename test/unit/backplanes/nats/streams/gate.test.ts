/** The gate before the server: so many at once, the others in order, and no more than a bound. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Gate } from '../../../../../backplanes/nats/streams/gate.ts';

test('gate: tasks run in their order, and only so many at once', async () => {
  const gate = new Gate(3, 10_000);
  let running = 0;
  let most = 0;
  const order: number[] = [];
  const tasks = Array.from({ length: 5000 }, (_, index) =>
    gate.pass(async () => {
      running += 1;
      most = Math.max(most, running);
      order.push(index);
      await Promise.resolve();
      running -= 1;
      return index;
    }),
  );
  const results = await Promise.all(tasks);
  assert.equal(most, 3);
  assert.deepEqual(order, results);
});

test('gate: a task that fails makes room', async () => {
  const gate = new Gate(1, 10);
  await assert.rejects(
    gate.pass(() => Promise.reject(new Error('no'))),
    /no/,
  );
  assert.equal(await gate.pass(() => Promise.resolve('next')), 'next');
});

test('gate: too many that wait are refused', async () => {
  const gate = new Gate(1, 1);
  let finish: () => void = () => undefined;
  const first = gate.pass(
    () =>
      new Promise<void>((resolve) => {
        finish = resolve;
      }),
  );
  const second = gate.pass(() => Promise.resolve('second'));
  await assert.rejects(
    gate.pass(() => Promise.resolve()),
    {
      name: 'BackplaneUnavailableError',
      message: /1 requests wait/,
    },
  );
  finish();
  await first;
  assert.equal(await second, 'second');
});
