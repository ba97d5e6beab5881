/** Sessions of clients without a subprotocol: nobody can tell them anything but a close code. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { codecs, SessionFixture, settled } from './session-fixtures.ts';

const toGroup = codecs.simpleCodec({ mode: 'sendToGroup', group: 'g' });
const events = codecs.simpleCodec({ mode: 'sendEvent' });

describe('session: simple clients', () => {
  test('sendToGroup: each frame is a publication with its own data type', async () => {
    const fixture = await new SessionFixture({ codec: toGroup }).open();
    assert.deepEqual(await fixture.ask('{"type":"ping"}'), []);
    fixture.say(Uint8Array.of(0, 255));
    await settled();
    const [text, binary] = fixture.publisher.publications;
    assert.equal(text?.payload.dataType, 'text');
    assert.deepEqual(text.to, { kind: 'group', name: 'g' });
    assert.deepEqual(binary?.payload, { dataType: 'binary', bytes: Buffer.of(0, 255) });
    assert.deepEqual(fixture.socket.ends, []);
  });

  test('sendToGroup: without the permission it is closed with 1008', async () => {
    const fixture = await new SessionFixture({ codec: toGroup, roles: [] }).open();
    fixture.say('hello');
    await settled();
    const [end] = fixture.socket.ends;
    assert.equal(end?.code, 1008);
    assert.match(end.reason, /no permission sendToGroup for group 'g'; its token needs the role/);
    assert.deepEqual(fixture.socket.frames, [], 'there is no frame that could say it');
    assert.equal(fixture.counters.silentFailures, 1);
  });

  test('sendToGroup: an outage of the broker does not close', async () => {
    const fixture = await new SessionFixture({ codec: toGroup }).open();
    fixture.publisher.publishing.isClosed = true;
    fixture.say('hello');
    fixture.publisher.publishing.gates[0]?.fail(new Error('down'));
    await settled();
    assert.deepEqual(fixture.socket.ends, []);
    assert.equal(fixture.counters.silentFailures, 1);
  });

  test('sendEvent: nobody takes the event, closed with 1011', async () => {
    const fixture = await new SessionFixture({ codec: events }).open();
    fixture.say('hello');
    await settled();
    assert.equal(fixture.events.events[0]?.event, 'message');
    const reason =
      "No event handler of hub 'chat' takes event 'message'; send to a group, or configure one";
    assert.deepEqual(fixture.socket.ends, [{ code: 1011, reason }]);
    assert.deepEqual(fixture.socket.frames, []);
  });

  test('sendEvent: the answer is a frame of its own data type', async () => {
    const fixture = await new SessionFixture({ codec: events }).open();
    fixture.events.answer = ({ payload }) =>
      Promise.resolve({ dataType: payload.dataType, bytes: Uint8Array.from(payload.bytes) });
    fixture.say('text');
    fixture.say(Uint8Array.of(7));
    await settled();
    assert.deepEqual(fixture.socket.frames, ['text', Buffer.of(7)]);
  });
});
