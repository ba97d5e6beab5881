/** What sessions do only for clients of our own: greeting, heartbeats, new tokens, their end. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ClientIdentity } from '../../../../gateway/tokens/verify.ts';
import { failedAck, nativeAck, nativeFixture, placeAt } from './native-fixtures.ts';
import { allRoles, SessionFixture, settled } from './session-fixtures.ts';

const wallSeconds = 1_700_000_001;
const expired = 'The token has expired and no new one came in time; connect with a new one';
const refresh = (ackId: number): object => ({ kind: 'refreshToken', token: `t${ackId}`, ackId });

function identity(differences: Partial<ClientIdentity> = {}): ClientIdentity {
  return {
    userId: 'anna',
    roles: allRoles,
    groups: [],
    expiresAt: wallSeconds + 3600,
    ...differences,
  };
}

/** Runs the node's timers, once a second. */
function pass(fixture: SessionFixture, seconds: number): void {
  for (let second = 0; second < seconds; second += 1) fixture.clock.advance(1000);
}

describe('native session: greeting', () => {
  test('connected: says the heartbeat, what is left of the token, and where streams stand', async () => {
    const fixture = nativeFixture({ expiresAt: wallSeconds + 3600, groups: ['g'] });
    const streams = [
      { to: { kind: 'user' }, position: placeAt(4) },
      { to: { kind: 'group', name: 'g' }, position: placeAt(2) },
    ] as const;
    fixture.subscribers.entered = streams;
    fixture.session.onOpen(fixture.socket);
    await settled();
    assert.deepEqual(fixture.socket.frames, [
      {
        kind: 'connected',
        connectionId: 'node-1',
        userId: 'anna',
        greeting: { heartbeatMs: 10_000, tokenExpiresInMs: 3_600_000, streams },
      },
    ]);
    fixture.session.onClose();
  });

  test('connected: a token without an end is not spoken of', async () => {
    const fixture = nativeFixture();
    fixture.session.onOpen(fixture.socket);
    await settled();
    const [{ greeting }] = fixture.socket.frames as [{ readonly greeting: object }];
    assert.deepEqual(greeting, { heartbeatMs: 10_000, streams: [] });
    fixture.session.onClose();
  });

  test('early frames: a join since a place is answered after the greeting', async () => {
    const fixture = nativeFixture();
    fixture.subscribers.entering.isClosed = true;
    fixture.subscribers.joined = { position: placeAt(3), recovered: true };
    fixture.session.onOpen(fixture.socket);
    fixture.say({ kind: 'joinGroup', group: 'g', since: placeAt(3), ackId: 1 });
    fixture.say({ kind: 'resume', to: 'user', since: placeAt(3), ackId: 2 });
    fixture.say(refresh(3));
    await settled();
    assert.deepEqual(fixture.socket.frames, []);
    fixture.subscribers.entering.gates[0]?.open();
    await settled();
    const [greeting, ...acks] = fixture.socket.frames as { readonly kind: string }[];
    assert.equal(greeting?.kind, 'connected');
    assert.deepEqual(acks, [
      nativeAck(1, fixture.subscribers.joined),
      nativeAck(2, fixture.subscribers.joined),
      failedAck(3, 'BadRequest', 'The token is no good'),
    ]);
    fixture.session.onClose();
  });

  test('Azure protocols: no greeting, no heartbeat, no end with the token, no timer', async () => {
    const fixture = new SessionFixture({ expiresAt: wallSeconds });
    fixture.session.onOpen(fixture.socket);
    await settled();
    assert.deepEqual(fixture.socket.frames, [
      { type: 'system', event: 'connected', userId: 'anna', connectionId: 'node-1' },
    ]);
    assert.equal(fixture.clock.timers, 0);
    pass(fixture, 60);
    assert.equal(fixture.socket.ends.length, 0);
  });
});

describe('native session: heartbeats', () => {
  test('heartbeats: from the greeting to the close, and none afterwards', async () => {
    const fixture = nativeFixture({ limits: { clientHeartbeatMs: 1000 } });
    fixture.subscribers.entering.isClosed = true;
    fixture.session.onOpen(fixture.socket);
    assert.equal(fixture.clock.timers, 0, 'none before it is connected');
    fixture.subscribers.entering.gates[0]?.open();
    await settled();
    pass(fixture, 20);
    assert.deepEqual(fixture.socket.frames.slice(1, 2), [{ kind: 'heartbeat' }]);
    fixture.session.close(1001, 'bye');
    assert.equal(fixture.clock.timers, 0);
    fixture.session.onClose();
    assert.equal(fixture.clock.timers, 0);
  });

  test('a connection that closes before it is ready leaves no timer', async () => {
    const fixture = nativeFixture({ expiresAt: wallSeconds });
    fixture.subscribers.entering.isClosed = true;
    fixture.session.onOpen(fixture.socket);
    fixture.session.onClose();
    fixture.subscribers.entering.gates[0]?.open();
    await settled();
    assert.equal(fixture.clock.timers, 0);
  });
});

describe('native session: tokens', () => {
  test('an expired token: closed with 4401 after the grace, not before', async () => {
    const limits = { tokenGraceMs: 5000 };
    const fixture = await nativeFixture({ expiresAt: wallSeconds + 10, limits }).open();
    pass(fixture, 14);
    assert.equal(fixture.socket.ends.length, 0);
    pass(fixture, 3);
    assert.deepEqual(fixture.socket.ends, [{ code: 4401, reason: expired }]);
    assert.deepEqual(fixture.socket.frames.at(-1), { kind: 'disconnected', reason: expired });
    assert.equal(fixture.counters.tokensExpired, 1);
    assert.deepEqual([...fixture.counters.closes], [[4401, 1]]);
    assert.equal(fixture.clock.timers, 0);
  });

  test('refreshToken: takes over expiry and permissions, for this hub', async () => {
    const limits = { tokenGraceMs: 0 };
    const fixture = await nativeFixture({ expiresAt: wallSeconds + 10, roles: [], limits }).open();
    const asked: string[] = [];
    fixture.verify = (token, hub) => {
      asked.push(`${token} for ${hub}`);
      return identity({ expiresAt: wallSeconds + 60, roles: ['webpubsub.sendToGroup.g'] });
    };
    const answers = await fixture.ask(refresh(1));
    assert.deepEqual(answers, [nativeAck(1)]);
    assert.deepEqual(asked, ['t1 for chat']);
    assert.ok(fixture.session.permissions.allows('sendToGroup', 'g'));
    assert.equal(fixture.counters.tokensRefreshed, 1);
    pass(fixture, 59);
    assert.equal(fixture.socket.ends.length, 0);
    pass(fixture, 3);
    assert.equal(fixture.socket.ends[0]?.code, 4401);
  });

  test('refreshToken: during the grace is in time', async () => {
    const fixture = await nativeFixture({ expiresAt: wallSeconds + 10 }).open();
    fixture.verify = () => identity();
    pass(fixture, 30);
    await fixture.ask(refresh(1));
    pass(fixture, 100);
    assert.equal(fixture.socket.ends.length, 0);
    fixture.session.onClose();
  });

  for (const [who, userId] of [
    ['another user', 'ben'],
    ['no user', undefined],
  ] as const) {
    test(`refreshToken: a token of ${who} is Forbidden, and changes nothing`, async () => {
      const fixture = await nativeFixture({ expiresAt: wallSeconds + 10, roles: [] }).open();
      fixture.verify = () => identity({ userId });
      const [answer] = await fixture.ask(refresh(1));
      const shownUser = userId === undefined ? 'no user' : `user "${userId}"`;
      const message = `The new token is of ${shownUser}, but the connection of user "anna"; connect anew to be somebody else`;
      assert.deepEqual(answer, failedAck(1, 'Forbidden', message));
      assert.ok(!fixture.session.permissions.allows('sendToGroup', 'g'));
      assert.equal(fixture.counters.tokensRefreshed, 0);
      pass(fixture, 40);
      assert.equal(fixture.socket.ends[0]?.code, 4401);
    });
  }

  test('refreshToken: a bad token is BadRequest, also when it took its time', async () => {
    const fixture = await nativeFixture().open();
    assert.deepEqual(await fixture.ask(refresh(1)), [
      failedAck(1, 'BadRequest', 'The token is no good'),
    ]);
    fixture.verify = () => Promise.reject(new Error('a bug'));
    assert.deepEqual(await fixture.ask(refresh(2)), [
      failedAck(2, 'InternalServerError', 'The gateway failed; try again'),
    ]);
    fixture.session.onClose();
  });

  test('refreshToken: an older one that took longer does not undo a newer one', async () => {
    const fixture = await nativeFixture({ roles: [] }).open();
    const answers = new Map<string, (identity: ClientIdentity) => void>();
    fixture.verify = (token) => new Promise((resolve) => answers.set(token, resolve));
    fixture.say(refresh(1));
    fixture.say(refresh(2));
    answers.get('t2')?.(identity({ roles: ['webpubsub.sendToGroup.new'] }));
    await settled();
    answers.get('t1')?.(identity({ roles: ['webpubsub.sendToGroup.old'], expiresAt: wallSeconds }));
    await settled();
    assert.deepEqual(fixture.socket.frames, [nativeAck(2), nativeAck(1)]);
    assert.ok(fixture.session.permissions.allows('sendToGroup', 'new'));
    assert.ok(!fixture.session.permissions.allows('sendToGroup', 'old'));
    pass(fixture, 60);
    assert.equal(fixture.socket.ends.length, 0);
    fixture.session.onClose();
  });

  test('refreshToken: one that comes true after the close starts nothing', async () => {
    const fixture = await nativeFixture({ expiresAt: wallSeconds + 10 }).open();
    let answer: (identity: ClientIdentity) => void = () => undefined;
    fixture.verify = () => new Promise((resolve) => (answer = resolve));
    fixture.say(refresh(1));
    fixture.session.close(1001, 'bye');
    const { length } = fixture.socket.frames;
    answer(identity());
    await settled();
    assert.equal(fixture.clock.timers, 0);
    assert.equal(fixture.socket.frames.length, length);
    assert.equal(fixture.counters.tokensRefreshed, 0);
  });
});
