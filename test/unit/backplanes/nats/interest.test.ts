/** The table of interest over the lives of sessions. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BackplaneUnavailableError } from '../../../../backplanes/backplane.ts';
import { InterestTable } from '../../../../backplanes/nats/interest.ts';
import { Session } from '../../../../backplanes/nats/session.ts';
import { defaultNatsSettings, newNatsCounters } from '../../../../backplanes/nats/settings.ts';
import { FakeConnection, turnOver } from './fake-connection.ts';

const ignore = (): void => undefined;

function table(timeoutMs = 60_000): InterestTable {
  return new InterestTable({ timeoutMs, detail: () => 'the reason' });
}

function makeSession(): { readonly fake: FakeConnection; readonly session: Session } {
  const fake = new FakeConnection();
  const session = new Session({
    connection: fake.connection,
    settings: defaultNatsSettings,
    counters: newNatsCounters(),
    onLameDuck: ignore,
    onInfo: ignore,
  });
  return { fake, session };
}

test('interest: waits for a session, and comes to every later one', async () => {
  const interest = table();
  const added = interest.add('a', ignore);
  const first = makeSession();
  const restored = interest.restore(first.session);
  await turnOver();
  first.fake.pong();
  await Promise.all([added, restored]);
  first.session.end('lost');
  const second = makeSession();
  const restoredAgain = interest.restore(second.session);
  await turnOver();
  assert.deepEqual(second.fake.log, ['sub a', 'flush']);
  second.fake.pong();
  await restoredAgain;
});

test('interest: what comes while a session is restored goes to it, too', async () => {
  const interest = table();
  const { fake, session } = makeSession();
  await interest.restore(session);
  const added = interest.add('a', ignore);
  void interest.add('b', ignore).catch(ignore);
  const removed = interest.remove('b');
  await turnOver();
  fake.pong();
  await Promise.all([added, removed]);
  assert.deepEqual(fake.log, ['sub a', 'sub b', 'unsub b', 'flush']);
});

test('interest: a session lost before its answer is not the end of the wait', async () => {
  const interest = table();
  const first = makeSession();
  await interest.restore(first.session);
  const added = interest.add('a', ignore);
  await turnOver();
  first.session.end('lost');
  const second = makeSession();
  const restored = interest.restore(second.session);
  await turnOver();
  second.fake.pong();
  await Promise.all([added, restored]);
});

test('interest: without a session in time it is refused, and wanted no more', async () => {
  const interest = table(1);
  await assert.rejects(interest.add('a', ignore), (error) => {
    assert.ok(error instanceof BackplaneUnavailableError);
    assert.match(error.message, /no server confirmed it within 1 ms: the reason/);
    return true;
  });
  const { fake, session } = makeSession();
  await interest.restore(session);
  await turnOver();
  assert.deepEqual(fake.log, []);
});

test('interest: a new one that is denied fails alone; a confirmed one fails the session', async () => {
  const interest = table();
  const first = makeSession();
  const added = interest.add('a', ignore);
  const restoredFirst = interest.restore(first.session);
  await turnOver();
  first.fake.pong();
  await Promise.all([added, restoredFirst]);
  first.session.end('lost');

  const fresh = interest.add('b', ignore);
  const second = makeSession();
  const restored = interest.restore(second.session);
  await turnOver();
  const denied = new Error('Permissions Violation');
  second.fake.callbacks.get('b')?.(denied, { data: new Uint8Array() });
  second.fake.pong();
  await assert.rejects(fresh, /refuses the subscription to b/);
  await restored;
  second.session.end('lost');

  const third = makeSession();
  const failed = interest.restore(third.session);
  await turnOver();
  third.fake.callbacks.get('a')?.(denied, { data: new Uint8Array() });
  third.fake.pong();
  await assert.rejects(failed, /refuses the subscription to a/);
});

test('interest: very many are restored in several turns, and what is removed meanwhile is not', async () => {
  const interest = table();
  const subjects = Array.from({ length: 12_000 }, (_, index) => `s${index}`);
  const added = Promise.allSettled(subjects.map((subject) => interest.add(subject, ignore)));
  const { fake, session } = makeSession();
  const restored = interest.restore(session);
  await turnOver();
  assert.equal(fake.callbacks.size, 5000);
  await interest.remove('s11999');
  for (const restoredSoFar of [10_000, 11_999]) {
    fake.pong();
    await turnOver();
    assert.equal(fake.callbacks.size, restoredSoFar);
  }
  fake.pong();
  await Promise.all([restored, added]);
});

test('interest: cleared, who waits is told why', async () => {
  const interest = table();
  const added = interest.add('a', ignore);
  interest.clear('it is closed');
  await assert.rejects(added, /it is closed/);
  await interest.remove('a');
});
