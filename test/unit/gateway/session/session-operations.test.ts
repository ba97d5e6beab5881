/** What a session makes of commands: publications, memberships, acks. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { GatewayError } from '../../../../gateway/errors.ts';
import { EventError } from '../../../../gateway/session/event-handlers.ts';
import { ack, permissionsOf, SessionFixture, settled } from './session-fixtures.ts';

const forbidden = (kind: string, group: string): { name: string; message: string } => ({
  name: 'Forbidden',
  message: `The connection has no permission ${kind} for group '${group}'; its token needs the role webpubsub.${kind} or webpubsub.${kind}.${group}`,
});
const duplicate = (ackId: number | bigint) => ({
  name: 'Duplicate',
  message: `Message with ack-id: ${ackId} has been processed`,
});

function send(ackId?: number, data: unknown = 1): object {
  return { type: 'sendToGroup', group: 'g', data, ...(ackId === undefined ? {} : { ackId }) };
}

describe('session: groups', () => {
  test('sendToGroup: becomes exactly this publication', async () => {
    const fixture = await new SessionFixture().open();
    const answers = await fixture.ask(
      '{"type":"sendToGroup","group":"g1","ackId":7,"noEcho":true,"ttlSeconds":60,' +
        '"metadata":{"k":"v"},"dataType":"json","data":{"a": 1.0}}',
    );
    assert.deepEqual(answers, [ack(7)]);
    assert.deepEqual(fixture.publisher.publications, [
      {
        hub: 'chat',
        to: { kind: 'group', name: 'g1' },
        payload: { dataType: 'json', bytes: Buffer.from('{"a": 1.0}') },
        metadata: { k: 'v' },
        sender: { connectionId: 'node-1', userId: 'anna' },
        noEcho: true,
        ttlSeconds: 60,
      },
    ]);
    assert.equal(fixture.counters.commands.sendToGroup, 1);
    assert.equal(fixture.counters.acksSucceeded, 1);
  });

  test('joinGroup, leaveGroup: acknowledged once they are done', async () => {
    const fixture = await new SessionFixture().open();
    fixture.subscribers.joining.isClosed = true;
    assert.deepEqual(await fixture.ask({ type: 'joinGroup', group: 'g', ackId: 1 }), []);
    fixture.subscribers.joining.gates[0]?.open();
    await settled();
    assert.deepEqual(fixture.socket.frames, [ack(1)]);
    assert.deepEqual(await fixture.ask({ type: 'leaveGroup', group: 'g', ackId: 2 }), [ack(2)]);
    assert.deepEqual(fixture.subscribers.log.slice(2), ['join g', 'leave g']);
  });

  test('joinGroup: a refusal reaches the client as BadRequest', async () => {
    const fixture = await new SessionFixture().open();
    fixture.subscribers.joinError = new GatewayError('too-many-groups', 'Too many; leave one');
    assert.deepEqual(await fixture.ask({ type: 'joinGroup', group: 'g', ackId: 1 }), [
      ack(1, { name: 'BadRequest', message: 'Too many; leave one' }),
    ]);
    assert.equal(fixture.counters.acksFailed, 1);
  });

  test('joins and leaves of a group: in the order of the frames, acks or not', async () => {
    const fixture = await new SessionFixture().open();
    fixture.subscribers.joining.isClosed = true;
    for (const type of ['joinGroup', 'leaveGroup', 'joinGroup']) fixture.say({ type, group: 'g' });
    fixture.say({ type: 'leaveGroup', group: 'other' });
    await settled();
    assert.deepEqual(fixture.subscribers.log.slice(2), ['leave other']);
    fixture.subscribers.joining.gates[0]?.open();
    await settled();
    fixture.subscribers.joining.gates[1]?.open();
    await settled();
    const rest = fixture.subscribers.log.slice(3);
    assert.deepEqual(rest, ['join g', 'leave g', 'join g']);
  });

  test('leave after a join that failed: still happens', async () => {
    const fixture = await new SessionFixture().open();
    fixture.subscribers.joining.isClosed = true;
    fixture.say({ type: 'joinGroup', group: 'g', ackId: 1 });
    fixture.say({ type: 'leaveGroup', group: 'g', ackId: 2 });
    fixture.subscribers.joining.gates[0]?.fail(new GatewayError('backplane-unavailable', 'down'));
    await settled();
    assert.deepEqual(fixture.subscribers.log.slice(2), ['leave g']);
    assert.deepEqual(fixture.socket.frames, [
      ack(1, { name: 'InternalServerError', message: 'down' }),
      ack(2),
    ]);
  });

  test('sendToGroup behind a join of the group: published after it, with its own bytes', async () => {
    const fixture = await new SessionFixture().open();
    fixture.subscribers.joining.isClosed = true;
    fixture.say({ type: 'joinGroup', group: 'g' });
    fixture.say(send(undefined, 'first'));
    fixture.say(send(undefined, 'second'));
    await settled();
    assert.deepEqual(fixture.publisher.texts, []);
    fixture.subscribers.joining.gates[0]?.open();
    await settled();
    assert.deepEqual(fixture.publisher.texts, ['"first"', '"second"']);
  });
});

describe('session: permissions', () => {
  for (const [kind, types] of [
    ['joinLeaveGroup', ['joinGroup', 'leaveGroup']],
    ['sendToGroup', ['sendToGroup']],
  ] as const) {
    for (const type of types) {
      test(`${type}: needs ${kind} for the group, and nothing else`, async () => {
        const other = kind === 'sendToGroup' ? 'joinLeaveGroup' : 'sendToGroup';
        const roles = [`webpubsub.${other}`, `webpubsub.${kind}.mine`];
        const fixture = await new SessionFixture({ roles }).open();
        const frame = { type, group: 'g', ackId: 1, ...(kind === 'sendToGroup' && { data: 1 }) };
        const answers = await fixture.ask(frame, { ...frame, ackId: 2, group: 'mine' });
        assert.deepEqual(answers, [ack(1, forbidden(kind, 'g')), ack(2)]);
        assert.equal(fixture.publisher.publications.length + fixture.subscribers.log.length, 3);
      });
    }
  }

  test('permissions: are looked at for each command', async () => {
    const fixture = await new SessionFixture({ roles: [] }).open();
    assert.deepEqual(await fixture.ask(send(1)), [ack(1, forbidden('sendToGroup', 'g'))]);
    fixture.session.permissions = permissionsOf(['webpubsub.sendToGroup']);
    assert.deepEqual(await fixture.ask(send(1)), [ack(1)]);
  });
});

describe('session: acks', () => {
  test('ack: a failed publish is InternalServerError, and the id may be used again', async () => {
    const fixture = await new SessionFixture().open();
    fixture.publisher.publishing.isClosed = true;
    fixture.say(send(5));
    fixture.publisher.publishing.gates[0]?.fail(new GatewayError('backplane-unavailable', 'down'));
    await settled();
    fixture.publisher.publishing.isClosed = false;
    const failure = ack(5, { name: 'InternalServerError', message: 'down' });
    assert.deepEqual(await fixture.ask(send(5)), [ack(5)]);
    assert.deepEqual(fixture.socket.frames, [failure, ack(5)]);
    assert.equal(fixture.publisher.publications.length, 2);
  });

  test('ack: a repeat of what was done is Duplicate, and has no effect', async () => {
    const fixture = await new SessionFixture().open();
    const answers = await fixture.ask(send(1), send(2), send(1));
    // The answer to a repeat needs no broker, so it comes first.
    assert.deepEqual(new Set(answers), new Set([ack(1), ack(2), ack(1, duplicate(1))]));
    assert.deepEqual(await fixture.ask(send(2)), [ack(2, duplicate(2))]);
    assert.equal(fixture.publisher.publications.length, 2);
    assert.equal(fixture.counters.acksDuplicate, 2);
  });

  test('ack: a repeat of what is running is answered when that is done', async () => {
    const fixture = await new SessionFixture().open();
    fixture.publisher.publishing.isClosed = true;
    assert.deepEqual(await fixture.ask(send(1), send(1), send(1)), []);
    fixture.publisher.publishing.gates[0]?.open();
    await settled();
    assert.deepEqual(fixture.socket.frames, [ack(1), ack(1, duplicate(1)), ack(1, duplicate(1))]);
    assert.equal(fixture.publisher.publications.length, 1);
  });

  test('ack: ids above 2^53 are told apart and repeated exactly', async () => {
    const fixture = await new SessionFixture().open();
    const frame = (id: string): string => `{"type":"joinGroup","group":"g","ackId":${id}}`;
    await fixture.ask(frame('9007199254740992'), frame('9007199254740993'));
    assert.equal(fixture.counters.acksSucceeded, 2);
    const [again] = await fixture.ask(frame('9007199254740993'));
    assert.match(JSON.stringify(again), /ack-id: 9007199254740993 has been processed/);
  });

  test('ack: more than pendingAcksMax at a time are refused with the setting named', async () => {
    const fixture = await new SessionFixture({ limits: { pendingAcksMax: 2 } }).open();
    fixture.publisher.publishing.isClosed = true;
    const message =
      '2 operations of this connection are waiting, the most that pendingAcksMax allows; wait for their acks';
    assert.deepEqual(await fixture.ask(send(1), send(2), send(3)), [
      ack(3, { name: 'InternalServerError', message }),
    ]);
    fixture.publisher.publishing.gates[0]?.open();
    await settled();
    fixture.publisher.publishing.isClosed = false;
    assert.deepEqual(await fixture.ask(send(3)), [ack(3)]);
  });

  test('without an ackId: failure is silent, and counted', async () => {
    const fixture = await new SessionFixture({ roles: [] }).open();
    assert.deepEqual(await fixture.ask(send(), { type: 'joinGroup', group: 'g' }), []);
    assert.equal(fixture.counters.silentFailures, 2);
    assert.equal(fixture.counters.acksFailed, 0);
  });

  test('without an ackId: no more than pendingAcksMax wait for the broker', async () => {
    const fixture = await new SessionFixture({ limits: { pendingAcksMax: 2 } }).open();
    fixture.publisher.publishing.isClosed = true;
    assert.deepEqual(await fixture.ask(send(), send(), send()), []);
    assert.equal(fixture.publisher.publications.length, 2);
    assert.equal(fixture.counters.silentFailures, 1);
    for (const gate of fixture.publisher.publishing.gates) gate.open();
    await settled();
    await fixture.ask(send());
    assert.equal(fixture.publisher.publications.length, 3);
    assert.equal(fixture.counters.silentFailures, 1);
  });
});

describe('session: events', () => {
  test('event: reaches the handler exactly, and its reply the sender', async () => {
    const fixture = await new SessionFixture().open();
    fixture.events.answer = () =>
      Promise.resolve({ dataType: 'text', bytes: Buffer.from('welcome') });
    const answers = await fixture.ask(
      { type: 'event', event: 'hello', data: 'x', dataType: 'text', metadata: { k: 'v' } },
      { type: 'event', event: 'hello', data: 'y', ackId: 1 },
    );
    const message = { type: 'message', from: 'server', dataType: 'text', data: 'welcome' };
    assert.deepEqual(answers, [message, message, ack(1)]);
    const sender = { hub: 'chat', connectionId: 'node-1', userId: 'anna', event: 'hello' };
    assert.deepEqual(fixture.events.events, [
      { ...sender, metadata: { k: 'v' }, text: 'x' },
      { ...sender, metadata: undefined, text: '"y"' },
    ]);
  });

  test('event: no answer is no message; a failure is the ack', async () => {
    const fixture = await new SessionFixture().open();
    fixture.events.answer = () => Promise.resolve(undefined);
    const event = { type: 'event', event: 'hello', data: 1 };
    assert.deepEqual(await fixture.ask({ ...event, ackId: 1 }, event), [ack(1)]);
    fixture.events.answer = () => Promise.reject(new EventError('InvocationFailed', 'said no'));
    assert.deepEqual(await fixture.ask({ ...event, ackId: 2 }, event), [
      ack(2, { name: 'InvocationFailed', message: 'said no' }),
    ]);
    assert.equal(fixture.counters.silentFailures, 1);
    assert.deepEqual(fixture.socket.ends, []);
  });

  test('invoke: answered by the handler; cancelled ones are not answered', async () => {
    const fixture = await new SessionFixture().open();
    const waiting: (() => void)[] = [];
    fixture.events.answer = ({ payload }) => {
      const bytes = Uint8Array.from(payload.bytes);
      return new Promise((resolve) => {
        waiting.push(() => resolve({ dataType: 'json', bytes }));
      });
    };
    for (const invocationId of ['a', 'b']) {
      fixture.say({ type: 'invoke', invocationId, event: 'e', data: invocationId });
    }
    fixture.say({ type: 'cancelInvocation', invocationId: 'a' });
    for (const answer of waiting) answer();
    await settled();
    const response = { type: 'invokeResponse', invocationId: 'b', success: true };
    assert.deepEqual(fixture.socket.frames, [{ ...response, dataType: 'json', data: 'b' }]);
  });

  test('cancelInvocation, sequenceAck, ping: unknown ids are ignored, a ping has its pong', async () => {
    const fixture = await new SessionFixture().open();
    const answers = await fixture.ask(
      { type: 'cancelInvocation', invocationId: 'a' },
      { type: 'sequenceAck', sequenceId: 4 },
      { type: 'ping' },
    );
    assert.deepEqual(answers, [{ type: 'pong' }]);
    const { cancelInvocation, ping, sequenceAck } = fixture.counters.commands;
    assert.deepEqual([cancelInvocation, ping, sequenceAck], [1, 1, 1]);
  });
});
