/** The subprotocol protobuf.webpubsub.azure.v1 against its vectors and against a whole library. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import fc from 'fast-check';
import type { Payload, Reply } from '../../../../gateway/protocol/model.ts';
import { ProtobufWebPubSubCodec } from '../../../../gateway/protocol/protobuf-webpubsub.ts';
import { anyFrame } from '../../../support/frame-bytes.ts';
import { frameOf, readVectors } from '../../../support/protocol-vectors.ts';
import { checkProtobuf, dataOf } from '../../../support/protobuf-invariants.ts';
import {
  downstreamMessage,
  readProtobuf,
  upstreamMessage,
  writeProtobuf,
} from '../../../support/protobuf-schema.ts';
import { testVectors } from '../../../support/vector-suite.ts';

const vectors = readVectors('protobuf-webpubsub-v1.json');
const codec = new ProtobufWebPubSubCodec(vectors.limits);

testVectors({
  codec,
  vectors,
  checkAccepted: (bytes) => assert.notEqual(checkProtobuf(codec, bytes), undefined),
});

const text = fc.string({ unit: 'grapheme', maxLength: 200 });
const name = text.filter((each) => each.trim() !== '');
const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String);
const base64 = fc
  .uint8Array({ maxLength: 300 })
  .map((each) => Buffer.from(each).toString('base64'));
const metadata = fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), fc.stringMatching(/^[ -~]*$/), {
  noNullPrototype: true,
});
const data = fc.oneof(
  fc.record({ textData: text }),
  fc.record({ binaryData: base64 }),
  fc.record({ jsonData: fc.json().filter((each) => each !== 'null') }),
  fc.record({ protobufData: fc.record({ typeUrl: text, value: base64 }) }),
);
const upstream = fc.oneof(
  fc.record({
    sendToGroup: fc.record(
      { group: name, data, ackId: uint64, noEcho: fc.boolean(), ttlSeconds: fc.nat(300), metadata },
      { requiredKeys: ['group', 'data'] },
    ),
  }),
  fc.record({
    event: fc.record(
      { event: fc.stringMatching(/^[a-z][a-z0-9_.-]{0,20}$/), data, ackId: uint64, metadata },
      { requiredKeys: ['event', 'data'] },
    ),
  }),
  fc.record({ joinGroup: fc.record({ group: name, ackId: uint64 }, { requiredKeys: ['group'] }) }),
  fc.record({ sequenceAck: fc.record({ sequenceId: uint64 }) }),
);

/** A field with a length around fields. */
function fieldOf(number: number, content: readonly Uint8Array[]): Uint8Array {
  const writer = new BinaryWriter().tag(number, WireType.LengthDelimited);
  return writer.bytes(Buffer.concat(content)).finish();
}

function memberWith(content: fc.Arbitrary<Uint8Array[]>): fc.Arbitrary<Uint8Array> {
  return fc
    .tuple(fc.constantFrom(1, 1, 1, 5, 6, 7, 8, 9, 12, 15), content)
    .map(([number, parts]) => {
      return fieldOf(number, parts);
    });
}

const varint = fc
  .tuple(fc.integer({ min: 1, max: 9 }), fc.oneof(fc.nat(400), fc.maxSafeNat()))
  .map(([number, value]) => new BinaryWriter().tag(number, WireType.Varint).uint64(value).finish());
const words = fc
  .tuple(fc.integer({ min: 1, max: 7 }), fc.constantFrom('g', 'e1', '[1]', 'null', '\u0080', ''))
  .map(([number, word]) => fieldOf(number, [Buffer.from(word)]));
const dataFields = fc.array(
  fc.oneof(
    words,
    fc.array(words, { maxLength: 2 }).map((parts) => fieldOf(3, parts)),
  ),
  { maxLength: 3 },
);
const fields = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.constant(fieldOf(1, [Buffer.from('g')])) },
    { weight: 2, arbitrary: dataFields.map((parts) => fieldOf(3, parts)) },
    dataFields.map((parts) => fieldOf(2, parts)),
    fc.array(words, { maxLength: 2 }).map((parts) => fieldOf(6, parts)),
    varint,
    words,
  ),
  { maxLength: 6 },
);

describe('protobuf.webpubsub.azure.v1: decoder', () => {
  test('what the library writes: read as it was meant', () => {
    fc.assert(
      fc.property(upstream, (message) => {
        const [kind] = Object.keys(message);
        assert.equal(checkProtobuf(codec, writeProtobuf(upstreamMessage, message)), kind);
      }),
    );
  });

  test('arbitrary bytes: refused with a ProtocolError and nothing else', () => {
    fc.assert(
      fc.property(anyFrame(vectors), (frame) => {
        checkProtobuf(codec, frame);
      }),
      { numRuns: 3000 },
    );
  });

  test('fields in any order and number: refused, or read as the library reads them', () => {
    fc.assert(
      fc.property(fc.array(memberWith(fields), { maxLength: 3 }), (frame) => {
        checkProtobuf(codec, Buffer.concat(frame));
      }),
      { numRuns: 3000 },
    );
  });

  test('every prefix of a frame: refused, or what the library makes of it', () => {
    for (const vector of vectors.accepted) {
      const frame = frameOf(vector).bytes;
      for (let length = 0; length < frame.length; length++) {
        checkProtobuf(codec, frame.subarray(0, length));
      }
    }
  });

  test('payload: a view into the frame', () => {
    const frame = Buffer.from('0a0c0a0267311a060a046869203f', 'hex');
    codec.decode(frame, true, (command) => {
      assert.ok('payload' in command && command.payload !== undefined);
      assert.equal(command.payload.bytes.buffer, frame.buffer);
    });
  });
});

const payloads: fc.Arbitrary<Payload> = fc.oneof(
  text.map((each) => ({ dataType: 'text' as const, bytes: Buffer.from(each) })),
  fc.json().map((each) => ({ dataType: 'json' as const, bytes: Buffer.from(each) })),
  fc.uint8Array({ maxLength: 300 }).map((bytes) => ({ dataType: 'binary' as const, bytes })),
  fc.uint8Array({ maxLength: 300 }).map((bytes) => ({ dataType: 'protobuf' as const, bytes })),
);

describe('protobuf.webpubsub.azure.v1: encoder', () => {
  test('messages: the library reads what was meant, protobuf that is no Any as binary', () => {
    fc.assert(
      fc.property(payloads, name, fc.option(metadata), (payload, group, pairs) => {
        const message = { from: 'group', kind: 'group', group, fromUserId: 'anna' } as const;
        const beside = { metadata: pairs ?? undefined, stream: undefined };
        const frame = codec.encoder.encodeMessage({ ...message, payload, ...beside });
        const read = readProtobuf(downstreamMessage, frame.bytes);
        const carried = pairs !== null && Object.keys(pairs).length > 0 ? { metadata: pairs } : {};
        const expected = (sent: Payload): unknown => ({
          data: { from: 'group', group, data: dataOf(sent), ...carried },
        });
        assert.deepEqual(read, expected(isReadable(payload) ? payload : asBinary(payload)));
      }),
      { numRuns: 1000 },
    );
  });

  test('replies without a number: nothing to send', () => {
    const payload: Payload = { dataType: 'text', bytes: Buffer.from('x') };
    const replies: Reply[] = [
      { kind: 'invokeResponse', invocationId: 'i', result: payload },
      { kind: 'streamAck', streamId: 's', expectedSequenceId: 1 },
      { kind: 'streamClosed', streamId: 's', error: undefined },
      { kind: 'heartbeat' },
      { kind: 'goaway', reason: 'r', withinMs: 1 },
    ];
    assert.deepEqual(
      replies.filter((reply) => codec.encoder.encodeReply(reply) !== undefined),
      [],
    );
  });
});

function isReadable(payload: Payload): boolean {
  try {
    dataOf(payload);
    return true;
  } catch {
    return false;
  }
}

function asBinary({ bytes }: Payload): Payload {
  return { dataType: 'binary', bytes };
}
