/** Proving a connection: it must carry a message there and back, at first and for good. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { prove } from '../../../../backplanes/nats/prove.ts';
import { Session } from '../../../../backplanes/nats/session.ts';
import {
  defaultNatsSettings,
  newNatsCounters,
  type NatsCounters,
} from '../../../../backplanes/nats/settings.ts';
import { waitFor, withDeadline } from '../../../support/wait.ts';
import { FakeConnection, turnOver } from './fake-connection.ts';

const settings = { ...defaultNatsSettings, prefix: 'tl', connectTimeoutMs: 50, probeIntervalMs: 5 };

interface Fixture {
  readonly fake: FakeConnection;
  readonly session: Session;
  readonly counters: NatsCounters;
  readonly proof: Promise<string | undefined>;
  /** Delivers every probe that was published since the last call. */
  readonly echo: () => void;
}

function fixture(restore: (session: Session) => Promise<void> = async () => undefined): Fixture {
  const fake = new FakeConnection();
  const counters = newNatsCounters();
  const session = new Session({
    connection: fake.connection,
    settings,
    counters,
    onLameDuck: () => undefined,
    onInfo: () => undefined,
  });
  const proof = prove(session, { settings, counters, restore });
  let echoed = 0;
  return {
    fake,
    session,
    counters,
    proof,
    echo: () => {
      const probes = fake.log.filter((line) => line.startsWith('pub tl.p.'));
      for (const line of probes.slice(echoed)) {
        const [, subject = '', song = ''] = line.split(' ');
        fake.callbacks.get(subject)?.(null, { data: Buffer.from(song) });
      }
      echoed = probes.length;
    },
  };
}

test('prove: with the PONG and the echo it works', async () => {
  const { echo, fake, proof, session } = fixture();
  await turnOver();
  assert.deepEqual(
    fake.log.map((line) => line.split(' ')[0]),
    ['sub', 'pub', 'flush'],
  );
  echo();
  fake.pong();
  assert.equal(await proof, undefined);
  session.end('over');
});

test('prove: without an echo it does not', async () => {
  const { fake, proof, session } = fixture();
  await turnOver();
  fake.pong();
  assert.match((await proof) ?? '', /did not come back/);
  session.end('over');
});

test('prove: interest that cannot be restored is the reason', async () => {
  const { echo, fake, proof, session } = fixture(async () => {
    throw new Error('no room');
  });
  await turnOver();
  echo();
  fake.pong();
  assert.equal(await proof, 'no room');
  session.end('over');
});

test('prove: a connection that turns deaf later is ended, one that echoes is not', async () => {
  const { counters, echo, fake, proof, session } = fixture();
  await turnOver();
  echo();
  fake.pong();
  await proof;
  await waitFor(
    () => {
      echo();
      fake.pong();
      return fake.log.filter((line) => line.startsWith('pub ')).length > 10;
    },
    { what: 'the canary has sung ten times' },
  );
  assert.equal(session.isUsable, true);
  const { reason } = await withDeadline(session.ended, { what: 'the deaf session ended' });
  assert.match(reason, /do not come back/);
  assert.equal(counters.canaryMisses, 1);
});
