/** The subprotocol trunkline.v1.msgpack against its vectors and against msgpackr. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Packr } from 'msgpackr';
import type { Command, Message } from '../../../../gateway/protocol/model.ts';
import { TrunklineMsgpackCodec } from '../../../../gateway/protocol/trunkline-msgpack.ts';
import { anyFrame } from '../../../support/frame-bytes.ts';
import { checkMaps, readMaps } from '../../../support/msgpack-invariants.ts';
import { frameOf, readVectors } from '../../../support/protocol-vectors.ts';
import { testVectors } from '../../../support/vector-suite.ts';

const vectors = readVectors('trunkline-v1-msgpack.json');
const codec = new TrunklineMsgpackCodec(vectors.limits);

testVectors({
  codec,
  vectors,
  checkAccepted: (bytes) => assert.notEqual(checkMaps(codec, bytes), undefined),
});

const maps = vectors.accepted.map((vector) => frameOf(vector).bytes);
const text = fc.string({ unit: 'grapheme', maxLength: 20 });

describe('trunkline.v1.msgpack: properties', () => {
  test('several maps: each becomes its command', () => {
    const frames = fc.array(fc.constantFrom(...maps), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(frames, (parts) => {
        const expected = parts.flatMap((part) => checkMaps(codec, part) ?? assert.fail());
        assert.deepEqual(checkMaps(codec, Buffer.concat(parts)), expected);
      }),
    );
  });

  test('too many maps: refused after those that are allowed', () => {
    const ping = new Packr({ useRecords: false }).pack({ type: 'ping' });
    const frame = (count: number): Buffer => Buffer.concat(Array<Buffer>(count).fill(ping));
    assert.equal(checkMaps(codec, frame(1000))?.length, 1000);
    const commands: Command[] = [];
    assert.throws(() => codec.decode(frame(1001), true, (command) => commands.push(command)), {
      closeCode: 1007,
      message: 'a frame has at most 1000 maps; send more frames',
    });
    assert.equal(commands.length, 1000);
  });

  test('what msgpackr writes: read as it was meant, whatever its options', () => {
    const frames = fc.record({
      type: fc.constant('sendToGroup'),
      group: text.filter((name) => name.trim() !== ''),
      dataType: fc.constant('text'),
      data: text,
      ackId: fc.oneof(fc.nat(), fc.maxSafeNat(), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })),
      noEcho: fc.boolean(),
      metadata: fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), fc.stringMatching(/^[ -~]*$/)),
      unknown: fc.jsonValue({ maxDepth: 5 }),
    });
    const options = fc.record({ variableMapSize: fc.boolean(), useFloat32: fc.constantFrom(0, 3) });
    fc.assert(
      fc.property(frames, options, (frame, chosen) => {
        const bytes = new Packr({ useRecords: false, ...chosen }).pack(frame);
        assert.deepEqual(checkMaps(codec, bytes), ['sendToGroup']);
      }),
    );
  });

  test('arbitrary bytes: refused with a ProtocolError and nothing else', () => {
    fc.assert(
      fc.property(anyFrame(vectors), (frame) => {
        checkMaps(codec, frame);
      }),
      { numRuns: 3000 },
    );
  });

  test('every prefix of a frame: refused, but for whole maps', () => {
    for (const map of maps) {
      const kinds = checkMaps(codec, map) ?? assert.fail();
      for (let length = 0; length < map.length; length++) {
        const read = checkMaps(codec, map.subarray(0, length));
        assert.ok(read === undefined || read.length < kinds.length);
      }
    }
  });

  test('packed messages: the maps are the messages, whatever the payloads are', () => {
    const payload = fc.oneof(
      text.map((sent) => ({ dataType: 'text', bytes: Buffer.from(sent), data: sent }) as const),
      fc
        .uint8Array({ maxLength: 300 })
        .map((bytes) => ({ dataType: 'binary', bytes, data: Buffer.from(bytes) }) as const),
    );
    const messages = fc.array(fc.tuple(text, payload, fc.maxSafeNat()), {
      minLength: 2,
      maxLength: 5,
    });
    fc.assert(
      fc.property(messages, (parts) => {
        const frames = parts.map(([group, { dataType, bytes }, offset]) => {
          const place = { id: group, epoch: 'e', offset, prev: 0, tag: 1, storedAtMs: offset };
          const from = { from: 'group', kind: 'group', group, fromUserId: undefined } as const;
          const beside = { metadata: undefined, stream: undefined, place };
          const message: Message = { ...from, payload: { dataType, bytes }, ...beside };
          return codec.encoder.encodeMessage(message);
        });
        const packed = codec.encoder.pack?.(frames);
        assert.equal(packed?.isBinary, true);
        const expected = parts.map(([group, { dataType, data }, offset]) => ({
          ...{ type: 'message', from: 'group', group, fromUserId: null, id: group },
          ...{ offset, prev: 0, tag: 1, time: offset, dataType, data },
        }));
        assert.deepEqual(readMaps(packed.bytes), expected);
      }),
    );
  });
});
