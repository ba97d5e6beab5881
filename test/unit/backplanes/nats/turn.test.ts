/** A turn has one answer, and every outcome is counted once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  BackplaneUnavailableError,
  PublishOutcomeUnknownError,
} from '../../../../backplanes/backplane.ts';
import { newNatsCounters, type NatsCounters } from '../../../../backplanes/nats/settings.ts';
import { Turn } from '../../../../backplanes/nats/turn.ts';
import { FakeConnection } from './fake-connection.ts';

function fixture(timeoutMs = 60_000): {
  readonly turn: Turn;
  readonly fake: FakeConnection;
  readonly counters: NatsCounters;
} {
  const counters = newNatsCounters();
  const turn = new Turn(timeoutMs, counters);
  turn.publish('a', Buffer.from('12'));
  turn.publish('b', Buffer.from('345'));
  return { turn, fake: new FakeConnection(), counters };
}

test('turn: counts messages and bytes, and is written once', () => {
  const { fake, turn } = fixture();
  assert.deepEqual([turn.messages, turn.bytes], [2, 5]);
  turn.writeTo(fake.connection);
  turn.writeTo(fake.connection);
  assert.deepEqual(fake.log, ['pub a 12', 'pub b 345']);
  turn.accept();
});

test('turn: the first outcome stays', async () => {
  const { counters, fake, turn } = fixture();
  turn.writeTo(fake.connection);
  turn.accept();
  turn.lose('late');
  turn.refuse('later');
  assert.deepEqual(await turn.answered, { receivers: undefined });
  assert.deepEqual([counters.published, counters.unknown, counters.refused], [2, 0, 0]);
});

test('turn: a doubt makes the answer unknown', async () => {
  const { counters, fake, turn } = fixture();
  turn.writeTo(fake.connection);
  turn.doubt('denied');
  turn.doubt('denied again');
  turn.accept();
  await assert.rejects(turn.answered, (error) => {
    assert.ok(error instanceof PublishOutcomeUnknownError);
    assert.equal(error.message, 'Denied');
    return true;
  });
  assert.deepEqual([counters.published, counters.unknown], [0, 2]);
});

test('turn: what is not written yet does not time out, because it is about to be sent', async (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const { fake, turn } = fixture(10);
  let isSettled = false;
  turn.answered.catch(() => {
    isSettled = true;
  });
  context.mock.timers.tick(10);
  await Promise.resolve();
  assert.equal(isSettled, false);
  turn.writeTo(fake.connection);
  turn.refuse('for the end of the test');
  await assert.rejects(turn.answered, BackplaneUnavailableError);
});

test('turn: waiting for it ends with it, or with the time', async () => {
  const { fake, turn } = fixture();
  await turn.settledWithin(1);
  turn.writeTo(fake.connection);
  const waited = turn.settledWithin(60_000);
  turn.accept();
  await waited;
});
