/** What was asked for while it was allowed, and begins when it is not any more. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failedAck, nativeAck, nativeFixture, placeAt, retained } from './native-fixtures.ts';
import { permissionsOf, settled } from './session-fixtures.ts';

const join = { kind: 'joinGroup', group: 'g' };
const refused = (kind: string): string =>
  `The connection has no permission ${kind} for group 'g'; its token needs the role webpubsub.${kind} or webpubsub.${kind}.g`;

test('a join that waited for another: is refused when the permission was revoked meanwhile', async () => {
  const fixture = await nativeFixture().open();
  fixture.subscribers.joining.isClosed = true;
  fixture.say({ ...join, ackId: 1, since: placeAt(3) });
  fixture.say({ ...join, ackId: 2, since: placeAt(3) });
  fixture.session.permissions = permissionsOf([]);
  fixture.subscribers.joining.gates[0]?.open();
  await settled();
  assert.equal(fixture.subscribers.joining.gates.length, 1, 'the second has not begun');
  assert.deepEqual(
    fixture.socket.frames.at(-1),
    failedAck(2, 'Forbidden', refused('joinLeaveGroup')),
  );
});

test('a message that waited for a join: is not published when the permission was revoked', async () => {
  const fixture = await nativeFixture().open();
  fixture.subscribers.joining.isClosed = true;
  fixture.say({ ...join, ackId: 1 });
  fixture.say({ kind: 'sendToGroup', group: 'g', data: 'late', noEcho: false, ackId: 2 });
  fixture.session.permissions = permissionsOf(['webpubsub.joinLeaveGroup']);
  fixture.subscribers.joining.gates[0]?.open();
  await settled();
  assert.deepEqual(fixture.publisher.texts, []);
  assert.deepEqual(fixture.socket.frames, [
    nativeAck(1),
    failedAck(2, 'Forbidden', refused('sendToGroup')),
  ]);
});

test('a history that was being read: is not handed out when it may not be read any more', async () => {
  const fixture = await nativeFixture().open();
  fixture.streams.answer = {
    messages: [retained(4, 'four')],
    isComplete: true,
    hasMore: false,
    next: undefined,
    position: placeAt(4),
  };
  fixture.streams.reading.isClosed = true;
  const to = { kind: 'group', name: 'g' };
  fixture.say({ kind: 'history', to, limit: 10, reverse: false, ackId: 1 });
  await settled();
  fixture.session.permissions = permissionsOf([]);
  fixture.streams.reading.gates[0]?.open();
  await settled();
  assert.deepEqual(fixture.socket.frames, [failedAck(1, 'Forbidden', refused('joinLeaveGroup'))]);
});
