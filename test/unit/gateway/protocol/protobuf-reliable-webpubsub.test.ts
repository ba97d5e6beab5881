/** The reliable protobuf subprotocol: what it adds to the plain one, and that it shares the rest. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { createCodecs } from '../../../../gateway/protocol/codecs.ts';
import type { Command, Message } from '../../../../gateway/protocol/model.ts';
import {
  downstreamMessage,
  readProtobuf,
  writeProtobuf,
} from '../../../support/protobuf-schema.ts';

const codecs = createCodecs({ jsonDepthMax: 64, nameLengthMax: 1024, metadataBytesMax: 8192 });
const [plain, reliable] = [
  'protobuf.webpubsub.azure.v1',
  'protobuf.reliable.webpubsub.azure.v1',
].map((name) => codecs.selectSubprotocol([name])?.codec);
assert.ok(plain !== undefined && reliable !== undefined);
const { encoder } = reliable;

function messageOf(group: string, text: string, metadata: Message['metadata']): Message {
  const from = { from: 'group', kind: 'group', group, fromUserId: undefined } as const;
  const payload = { dataType: 'text', bytes: Buffer.from(text) } as const;
  return { ...from, payload, metadata, stream: undefined };
}

function hexOf(frame: { readonly bytes: Uint8Array } | undefined): string {
  return Buffer.from(frame?.bytes ?? []).toString('hex');
}

const text = fc.string({ unit: 'grapheme', maxLength: 300 });
const sequenceIds = fc.oneof(
  fc.integer({ min: 1, max: 300 }),
  fc.integer({ min: 0, max: 7 }).map((power) => 2 ** (7 * power)),
  fc.maxSafeNat().filter((each) => each > 0),
);

describe('protobuf.reliable.webpubsub.azure.v1', () => {
  test('numbers: field 4 of Data, and the shared frame is not changed', () => {
    const shared = encoder.encodeMessage(messageOf('g', 'hi', undefined));
    const before = hexOf(shared);
    const data = '0a0567726f75701201671a040a026869';
    assert.equal(before, `1210${data}`);
    assert.equal(hexOf(encoder.withSequenceId?.(shared, 1)), `1212${data}2001`);
    assert.equal(hexOf(encoder.withSequenceId?.(shared, 300)), `1213${data}20ac02`);
    const largest = encoder.withSequenceId?.(shared, Number.MAX_SAFE_INTEGER);
    assert.equal(hexOf(largest), `1219${data}20ffffffffffffff0f`);
    assert.equal(largest?.isBinary, true);
    assert.equal(hexOf(shared), before);
  });

  test('numbers: the frame is the one that the library writes in one go', () => {
    fc.assert(
      fc.property(text, text, sequenceIds, (group, sent, sequenceId) => {
        const shared = encoder.encodeMessage(messageOf(group, sent, undefined));
        const frame = encoder.withSequenceId?.(shared, sequenceId);
        const fields = { from: 'group', group, data: { textData: sent } };
        const whole = { data: { ...fields, sequenceId: String(sequenceId) } };
        assert.equal(hexOf(frame), hexOf({ bytes: writeProtobuf(downstreamMessage, whole) }));
      }),
      { numRuns: 1000 },
    );
  });

  test('numbers: behind metadata, where the library would write them before it', () => {
    const shared = encoder.encodeMessage(messageOf('g', 'hi', { k: 'v' }));
    const frame = encoder.withSequenceId?.(shared, 7);
    assert.ok(frame !== undefined);
    assert.deepEqual(readProtobuf(downstreamMessage, frame.bytes), {
      data: {
        ...{ from: 'group', group: 'g', data: { textData: 'hi' } },
        ...{ sequenceId: '7', metadata: { k: 'v' } },
      },
    });
  });

  test('messages: those of the plain encoder, so one encoding serves both', () => {
    assert.equal(encoder.messagesOf, plain.encoder);
    const message = messageOf('g', 'hi', undefined);
    assert.equal(
      hexOf(encoder.encodeMessage(message)),
      hexOf(plain.encoder.encodeMessage(message)),
    );
    assert.ok(!('withSequenceId' in plain.encoder));
  });

  test('decoder: it reads what the plain one reads', () => {
    const commands: Command[] = [];
    reliable.decode(Buffer.from('42020804', 'hex'), true, (command) => commands.push(command));
    assert.deepEqual(commands, [{ kind: 'sequenceAck', sequenceId: 4 }]);
    assert.throws(() => reliable.decode(Buffer.alloc(1), false, () => undefined), {
      closeCode: 1003,
    });
  });
});
