/** Clients without a subprotocol: payload in, payload out. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createCodecs } from '../../../../gateway/protocol/codecs.ts';
import type { Command, DataType, Message } from '../../../../gateway/protocol/model.ts';
import { comparable } from '../../../support/protocol-vectors.ts';

const codecs = createCodecs({ jsonDepthMax: 64, nameLengthMax: 1024, metadataBytesMax: 8192 });
const events = codecs.simpleCodec({ mode: 'sendEvent' });
const group = codecs.simpleCodec({ mode: 'sendToGroup', group: 'g1' });
const bytes = Buffer.from('"é\u0000');

function decoded(codec: typeof events, isBinary: boolean): unknown[] {
  const commands: Command[] = [];
  codec.decode(bytes, isBinary, (command) => commands.push(command));
  return commands.map(comparable);
}

function message(dataType: DataType): Message {
  const payload = { dataType, bytes };
  const beside = { fromUserId: 'u', metadata: { a: 'b' }, stream: undefined };
  return { from: 'group', kind: 'group', group: 'g1', payload, ...beside };
}

describe('simple clients', () => {
  for (const [isBinary, dataType] of [
    [false, 'text'],
    [true, 'binary'],
  ] as const) {
    test(`sendEvent: a ${dataType} frame is an event named message`, () => {
      const payload = { dataType, bytes };
      assert.deepEqual(decoded(events, isBinary), [{ kind: 'event', event: 'message', payload }]);
    });

    test(`sendToGroup: a ${dataType} frame is sent to the group, echo included`, () => {
      const payload = { dataType, bytes };
      const expected = { kind: 'sendToGroup', group: 'g1', payload, noEcho: false };
      assert.deepEqual(decoded(group, isBinary), [expected]);
    });
  }

  for (const [dataType, isBinary] of [
    ['text', false],
    ['json', false],
    ['binary', true],
    ['protobuf', true],
  ] as const) {
    test(`a ${dataType} message: is its bytes alone, ${isBinary ? 'binary' : 'text'}`, () => {
      const frame = events.encoder.encodeMessage(message(dataType));
      assert.deepEqual(comparable(frame.bytes), bytes);
      assert.equal(frame.isBinary, isBinary);
    });
  }

  test('text frames: invalid UTF-8 is refused, in a binary frame it is data', () => {
    const broken = Buffer.from([0x61, 0xff]);
    for (const codec of [events, group]) {
      assert.throws(() => codec.decode(broken, false, () => assert.fail('it was accepted')), {
        name: 'ProtocolError',
        closeCode: 1007,
      });
      const commands: Command[] = [];
      codec.decode(broken, true, (command) => commands.push(command));
      assert.equal(commands.length, 1);
    }
  });

  test('replies: there is no way to say them', () => {
    assert.equal(events.encoder.encodeReply({ kind: 'pong' }), undefined);
    const connected = { kind: 'connected', connectionId: 'c', userId: undefined } as const;
    const reply = { ...connected, reconnectionToken: undefined };
    assert.equal(events.encoder.encodeReply(reply), undefined);
  });

  test('encoders: all simple clients share one, other protocols do not', () => {
    const other = codecs.simpleCodec({ mode: 'sendToGroup', group: 'g2' });
    assert.equal(group.encoder, events.encoder);
    assert.equal(other.encoder, events.encoder);
    const json = codecs.selectSubprotocol(['json.webpubsub.azure.v1']);
    assert.notEqual(json?.codec.encoder, events.encoder);
  });
});
