/** A session's life: what comes before the first frame, and what ends it. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { GatewayError } from '../../../../gateway/errors.ts';
import type { Codec } from '../../../../gateway/protocol/codec.ts';
import { ack, jsonCodec, SessionFixture, settled } from './session-fixtures.ts';

const ping = { type: 'ping' };
const pong = { type: 'pong' };

function disconnected(message: string): object {
  return { type: 'system', event: 'disconnected', message };
}

describe('session: opening', () => {
  test('connected: said once, when the broker has confirmed the interest', async () => {
    const fixture = new SessionFixture({ groups: ['g1', 'g2'] });
    fixture.subscribers.entering.isClosed = true;
    fixture.session.onOpen(fixture.socket);
    await settled();
    assert.deepEqual(fixture.subscribers.log, ['attach chat node-1 anna']);
    assert.deepEqual(fixture.socket.frames, []);
    fixture.subscribers.entering.gates[0]?.open();
    await settled();
    assert.deepEqual(fixture.subscribers.log, ['attach chat node-1 anna', 'enter g1,g2']);
    assert.deepEqual(fixture.socket.frames, [
      { type: 'system', event: 'connected', userId: 'anna', connectionId: 'node-1' },
    ]);
    assert.deepEqual([fixture.counters.opened, fixture.counters.open], [1, 1]);
  });

  test('connected: a connection without a user has userId null', async () => {
    const fixture = new SessionFixture({ userId: undefined });
    fixture.session.onOpen(fixture.socket);
    await settled();
    assert.deepEqual(fixture.socket.frames, [
      { type: 'system', event: 'connected', userId: null, connectionId: 'node-1' },
    ]);
  });

  test('no interest: the client is told why and closed with 1011', async () => {
    const fixture = new SessionFixture();
    fixture.subscribers.entering.isClosed = true;
    fixture.session.onOpen(fixture.socket);
    fixture.subscribers.entering.gates[0]?.fail(
      new GatewayError('backplane-unavailable', 'The broker is down; try again'),
    );
    await settled();
    assert.deepEqual(fixture.socket.frames, [disconnected('The broker is down; try again')]);
    assert.deepEqual(fixture.socket.ends, [
      { code: 1011, reason: 'The broker is down; try again' },
    ]);
    assert.deepEqual([...fixture.counters.closes], [[1011, 1]]);
    assert.deepEqual(fixture.errors, [], 'an outage is no fault of the gateway');
  });

  test('no interest for an unknown reason: the operator is told, the client not', async () => {
    const fixture = new SessionFixture();
    fixture.subscribers.entering.isClosed = true;
    fixture.session.onOpen(fixture.socket);
    const secret = new Error('redis://user:password@host');
    fixture.subscribers.entering.gates[0]?.fail(secret);
    await settled();
    assert.deepEqual(fixture.errors, [secret]);
    const reason = 'The gateway failed; try again';
    assert.deepEqual(fixture.socket.ends, [{ code: 1011, reason }]);
  });

  test('interest after the close: nothing is said any more', async () => {
    const fixture = new SessionFixture();
    fixture.subscribers.entering.isClosed = true;
    fixture.session.onOpen(fixture.socket);
    fixture.say(ping);
    fixture.session.onClose();
    fixture.subscribers.entering.gates[0]?.open();
    await settled();
    assert.deepEqual(fixture.socket.frames, []);
    assert.equal(fixture.counters.commands.ping, 0);
  });
});

describe('session: early frames', () => {
  test('early frames: answered after connected, in order', async () => {
    const fixture = new SessionFixture();
    fixture.subscribers.entering.isClosed = true;
    fixture.session.onOpen(fixture.socket);
    for (const ackId of [1, 2, 3]) fixture.say({ type: 'joinGroup', group: `g${ackId}`, ackId });
    await settled();
    assert.deepEqual(fixture.subscribers.log, ['attach chat node-1 anna']);
    fixture.subscribers.entering.gates[0]?.open();
    await settled();
    assert.deepEqual(fixture.subscribers.log.slice(2), ['join g1', 'join g2', 'join g3']);
    assert.deepEqual(fixture.socket.frames.slice(1), [ack(1), ack(2), ack(3)]);
  });

  test('early frames: more than is kept closes with 1008, and none is executed', async () => {
    const fixture = new SessionFixture();
    fixture.subscribers.entering.isClosed = true;
    fixture.session.onOpen(fixture.socket);
    for (let index = 0; index < 64; index += 1) fixture.say(ping);
    assert.deepEqual(fixture.socket.ends, []);
    fixture.say(ping);
    const reason = 'Too much was sent before the connection was ready; wait for system/connected';
    assert.deepEqual(fixture.socket.ends, [{ code: 1008, reason }]);
    fixture.subscribers.entering.gates[0]?.open();
    await settled();
    assert.deepEqual(fixture.socket.frames, [disconnected(reason)]);
    assert.equal(fixture.counters.commands.ping, 0);
  });

  test('early frames: one that is refused ends the rest', async () => {
    const fixture = new SessionFixture();
    fixture.subscribers.entering.isClosed = true;
    fixture.session.onOpen(fixture.socket);
    fixture.say(ping);
    fixture.say('no JSON');
    fixture.say(ping);
    fixture.subscribers.entering.gates[0]?.open();
    await settled();
    assert.equal(fixture.counters.commands.ping, 1);
    assert.deepEqual(fixture.socket.frames[1], pong);
    assert.equal(fixture.socket.ends[0]?.code, 1007);
  });

  test('early frames: a fault of the gateway is told to the operator and ends only this', async () => {
    const fault = new Error('a bug');
    const json = jsonCodec();
    const codec: Codec = {
      name: 'broken',
      subprotocol: 'broken',
      encoder: json.encoder,
      decode: () => {
        throw fault;
      },
    };
    const fixture = new SessionFixture({ codec });
    fixture.subscribers.entering.isClosed = true;
    fixture.session.onOpen(fixture.socket);
    fixture.say(ping);
    fixture.subscribers.entering.gates[0]?.open();
    await settled();
    assert.deepEqual(fixture.errors, [fault]);
    assert.deepEqual(fixture.socket.ends, [
      { code: 1011, reason: 'The gateway failed; try again' },
    ]);
  });
});

describe('session: closing', () => {
  test('bad frame: told why, closed with its code, deaf to what follows', async () => {
    const fixture = await new SessionFixture().open();
    fixture.say('{"type":"nonsense"}');
    fixture.say({ type: 'joinGroup', group: 'g', ackId: 1 });
    await settled();
    const [end] = fixture.socket.ends;
    assert.equal(end?.code, 1007);
    assert.match(end.reason, /^"type" "nonsense" is unknown; use one of sendToGroup, /);
    assert.deepEqual(fixture.socket.frames, [disconnected(end.reason)]);
    assert.equal(fixture.counters.commands.joinGroup, 0);
    assert.deepEqual([...fixture.counters.closes], [[1007, 1]]);
  });

  test('bad frame: a binary one is closed with 1003', async () => {
    const fixture = await new SessionFixture().open();
    fixture.say(Uint8Array.of(1, 2, 3));
    assert.equal(fixture.socket.ends[0]?.code, 1003);
  });

  test('oversize frame: 1009 and a reason with both sizes', async () => {
    const fixture = await new SessionFixture({ limits: { frameBytesMax: 2048 } }).open();
    fixture.session.onOversize(3000);
    const reason = 'A frame of 3000 bytes is over the 2048 that frameBytesMax allows; send less';
    assert.deepEqual(fixture.socket.ends, [{ code: 1009, reason }]);
    assert.deepEqual(fixture.socket.frames, [disconnected(reason)]);
  });

  test('a fault of the gateway: left to the transport, which answers with 1011', async () => {
    const fixture = await new SessionFixture().open();
    fixture.events.answer = () => {
      throw new Error('a bug');
    };
    const invoke = { type: 'invoke', invocationId: '1', event: 'e', data: 1 };
    assert.throws(() => fixture.say(invoke), /a bug/);
  });

  test('close: only the first counts', async () => {
    const fixture = await new SessionFixture().open();
    fixture.session.close(4008, 'too slow');
    fixture.session.close(1001, 'going away');
    assert.deepEqual(fixture.socket.ends, [{ code: 4008, reason: 'too slow' }]);
    assert.deepEqual([...fixture.counters.closes], [[4008, 1]]);
  });

  test('onClose: detaches, ends its streams, and says nothing more', async () => {
    const fixture = await new SessionFixture().open();
    await fixture.ask({ type: 'sendToGroup', group: 'g', stream: { streamId: 's' } });
    fixture.publisher.publishing.isClosed = true;
    fixture.say({ type: 'sendToGroup', group: 'g', ackId: 1, data: 1 });
    const { length } = fixture.socket.frames;
    fixture.socket.isOpen = false;
    fixture.session.onClose();
    assert.equal(fixture.subscribers.log.at(-1), 'detach');
    assert.equal(fixture.counters.open, 0);
    assert.deepEqual([...fixture.counters.closes], [], 'it was not the gateway that closed');
    const last = fixture.publisher.publications.at(-1);
    assert.equal(last?.stream?.error?.name, 'Cancelled');
    assert.equal(fixture.clock.timers, 0);
    for (const gate of fixture.publisher.publishing.gates) gate.open();
    fixture.session.close(1001, 'going away');
    fixture.say(ping);
    await settled();
    assert.equal(fixture.socket.frames.length, length);
    assert.deepEqual(fixture.socket.ends, []);
    assert.equal(fixture.counters.commands.ping, 0);
  });

  test('onDrain: handed to the subscriber', async () => {
    const fixture = await new SessionFixture().open();
    fixture.session.onDrain();
    assert.equal(fixture.subscribers.drains, 1);
  });
});
