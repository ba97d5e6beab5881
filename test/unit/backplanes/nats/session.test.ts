/** Sessions on a connection in the test's hands: what is written when, and every outcome. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PermissionViolationError } from '@nats-io/transport-node';
import {
  BackplaneUnavailableError,
  PublishOutcomeUnknownError,
} from '../../../../backplanes/backplane.ts';
import { Session } from '../../../../backplanes/nats/session.ts';
import {
  defaultNatsSettings,
  newNatsCounters,
  type NatsCounters,
  type NatsSettings,
} from '../../../../backplanes/nats/settings.ts';
import { FakeConnection, turnOver } from './fake-connection.ts';

interface Fixture {
  readonly fake: FakeConnection;
  readonly session: Session;
  readonly counters: NatsCounters;
  readonly told: string[];
}

function fixture(settings: Partial<NatsSettings> = {}): Fixture {
  const fake = new FakeConnection();
  const counters = newNatsCounters();
  const told: string[] = [];
  const session = new Session({
    connection: fake.connection,
    settings: { ...defaultNatsSettings, ...settings },
    counters,
    onLameDuck: () => told.push('lame duck'),
    onInfo: () => told.push('info'),
  });
  return { fake, session, counters, told };
}

/** The outcome of a promise, as a word. */
async function outcome(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return 'done';
  } catch (error) {
    if (error instanceof BackplaneUnavailableError) return `refused: ${error.message}`;
    if (error instanceof PublishOutcomeUnknownError) return `unknown: ${error.message}`;
    throw error;
  }
}

const bytes = (text: string): Uint8Array => Buffer.from(text);

test('session: what one turn asks for goes out in its order, with one flush', async () => {
  const { counters, fake, session } = fixture();
  const done = [
    session.publish('a', bytes('1')),
    session.subscribe('b', () => undefined),
    session.publish('b', bytes('2')),
    session.unsubscribe('b'),
  ];
  assert.deepEqual(fake.log, [], 'nothing within the call');
  await turnOver();
  assert.deepEqual(fake.log, ['pub a 1', 'sub b', 'pub b 2', 'unsub b', 'flush']);
  fake.pong();
  await Promise.all(done);
  assert.deepEqual([counters.published, counters.flushes], [2, 1]);
});

test('session: a publish is accepted by the PONG of its own turn, not by an earlier one', async () => {
  const { fake, session } = fixture();
  const settled: string[] = [];
  void session.publish('a', bytes('1')).then(() => settled.push('1'));
  await turnOver();
  void session.publish('a', bytes('2')).then(() => settled.push('2'));
  await turnOver();
  assert.deepEqual(settled, []);
  fake.pong();
  await turnOver();
  assert.deepEqual(settled, ['1']);
  fake.pong();
  await turnOver();
  assert.deepEqual(settled, ['1', '2']);
});

test('session: an end makes what was written unknown and what was not refused', async () => {
  const { counters, fake, session } = fixture();
  const written = outcome(session.publish('a', bytes('1')));
  await turnOver();
  const unwritten = outcome(session.publish('a', bytes('2')));
  session.end('gone');
  assert.match(await written, /^unknown: The connection to NATS ended before its answer: gone/);
  assert.match(await unwritten, /^refused: It was not sent/);
  assert.match(await outcome(session.publish('a', bytes('3'))), /^refused/);
  await turnOver();
  assert.deepEqual(fake.log, ['pub a 1', 'flush', 'close']);
  assert.deepEqual([counters.unknown, counters.refused], [1, 1]);
  assert.equal(session.isUsable, false);
  assert.deepEqual(await session.ended, { reason: 'gone', isOverflow: false });
});

test('session: no answer in time is unknown, and still counts as in flight', async () => {
  const { fake, session } = fixture({ publishTimeoutMs: 1, inflightMax: 1 });
  assert.match(await outcome(session.publish('a', bytes('1'))), /^unknown: .* within 1 ms/);
  assert.match(
    await outcome(session.publish('a', bytes('2'))),
    /^refused: NATS is slow: 1 publish/,
  );
  fake.pong();
  await turnOver();
  const next = outcome(session.publish('a', bytes('3')));
  await turnOver();
  fake.pong();
  assert.equal(await next, 'done');
});

test('session: publishes in flight are bounded in bytes', async () => {
  const { fake, session } = fixture({ inflightBytesMax: 10 });
  const first = session.publish('a', bytes('12345678'));
  assert.match(await outcome(session.publish('a', bytes('123'))), /^refused: NATS is slow/);
  fake.pong();
  await turnOver();
  fake.pong();
  await first;
});

test('session: a denied publish is never accepted; the next turn is not touched by it', async () => {
  const { counters, fake, session } = fixture();
  const denied = outcome(session.publish('a', bytes('1')));
  await turnOver();
  const error = new PermissionViolationError('Permissions Violation', 'publish', 'a');
  fake.tell({ type: 'error', error });
  fake.pong();
  assert.match(await denied, /^unknown: This account may not publish to a/);
  const next = outcome(session.publish('b', bytes('2')));
  await turnOver();
  fake.pong();
  assert.equal(await next, 'done');
  assert.equal(counters.denied, 1);
});

test('session: a denied subscription is refused; one taken back ends the session', async () => {
  const { fake, session } = fixture();
  const denied = outcome(session.subscribe('a', () => undefined));
  const granted = outcome(session.subscribe('b', () => undefined));
  await turnOver();
  fake.callbacks.get('a')?.(new Error('Permissions Violation'), { data: bytes('') });
  fake.pong();
  assert.match(await denied, /^refused: NATS refuses the subscription to a/);
  assert.equal(await granted, 'done');
  assert.equal(session.isUsable, true);
  fake.callbacks.get('b')?.(new Error('Permissions Violation'), { data: bytes('') });
  assert.match((await session.ended).reason, /took a subscription back/);
});

test('session: a receiver that throws does not stop the next message', async () => {
  const { counters, fake, session } = fixture();
  const heard: string[] = [];
  const subscribed = session.subscribe('a', (data) => {
    heard.push(Buffer.from(data).toString());
    if (heard.length === 1) throw new Error('a bug');
  });
  await turnOver();
  fake.pong();
  await subscribed;
  const callback = fake.callbacks.get('a');
  callback?.(null, { data: bytes('1') });
  callback?.(null, { data: bytes('2') });
  assert.deepEqual(heard, ['1', '2']);
  assert.equal(counters.receiverErrors, 1);
  session.end('over');
  callback?.(null, { data: bytes('3') });
  assert.deepEqual(heard, ['1', '2'], 'nothing after the end');
});

test('session: events of the connection end it or are passed on', async () => {
  const { counters, fake, session, told } = fixture();
  fake.tell({ type: 'ldm', server: 'a' });
  fake.tell({ type: 'update' });
  fake.tell({ type: 'error', error: new Error('Slow Consumer') });
  fake.tell({ type: 'staleConnection' });
  assert.deepEqual(await session.ended, { reason: 'Slow Consumer', isOverflow: true });
  assert.deepEqual(told, ['lame duck', 'info']);
  assert.equal(counters.slowConsumer, 1);
});

test('session: a connection that fails within a write ends it', async () => {
  const { fake, session } = fixture();
  fake.failure = new Error('closed connection');
  const lost = outcome(session.publish('a', bytes('1')));
  assert.match(await lost, /^unknown: .*closed connection/);
  assert.equal(session.isUsable, false);
});

test('session: a drain waits for what is on its way, and not for ever', async () => {
  const patient = fixture();
  const answered = outcome(patient.session.publish('a', bytes('1')));
  const drained = patient.session.drain(60_000, 'closed');
  assert.match(await outcome(patient.session.publish('a', bytes('2'))), /^refused/);
  await turnOver();
  patient.fake.pong();
  await drained;
  assert.equal(await answered, 'done');

  const frozen = fixture();
  const lost = outcome(frozen.session.publish('a', bytes('1')));
  await frozen.session.drain(1, 'closed');
  assert.match(await lost, /^unknown/);
});
