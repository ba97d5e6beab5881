/** The subprotocol trunkline.v1.json against its vectors and against JSON.parse. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Command, Message } from '../../../../gateway/protocol/model.ts';
import { TrunklineJsonCodec } from '../../../../gateway/protocol/trunkline-json.ts';
import { anyFrame } from '../../../support/frame-bytes.ts';
import { checkLines, parseStrictly } from '../../../support/frame-invariants.ts';
import { frameOf, readVectors } from '../../../support/protocol-vectors.ts';
import { testVectors } from '../../../support/vector-suite.ts';

const vectors = readVectors('trunkline-v1-json.json');
const codec = new TrunklineJsonCodec(vectors.limits);

const kindsOf = (frame: string): string[] => {
  const kinds: string[] = [];
  codec.decode(Buffer.from(frame), false, ({ kind }) => kinds.push(kind));
  return kinds;
};

testVectors({
  codec,
  vectors,
  checkAccepted: (bytes) => assert.notEqual(checkLines(codec, bytes), undefined),
});

const objects = vectors.accepted
  .filter(({ commands }) => commands === undefined)
  .map((vector) => frameOf(vector).bytes.toString('utf8').trim());

describe('trunkline.v1.json: properties', () => {
  test('several objects: each becomes its command, whatever white space is between them', () => {
    const gap = fc
      .tuple(fc.stringMatching(/^[ \t\r\n]{0,3}$/), fc.stringMatching(/^[ \t\r\n]{0,3}$/))
      .map(([before, after]) => `${before}\n${after}`);
    const frames = fc.array(fc.tuple(fc.constantFrom(...objects), gap), {
      minLength: 1,
      maxLength: 8,
    });
    fc.assert(
      fc.property(frames, (parts) => {
        const expected = parts.flatMap(([object]) => kindsOf(object));
        const frame = parts.map(([object, space]) => `${object}${space}`).join('');
        assert.deepEqual(kindsOf(frame), expected);
        assert.deepEqual(checkLines(codec, Buffer.from(frame)), expected);
      }),
    );
  });

  test('too many objects: refused after those that are allowed', () => {
    const ping = '{"type":"ping"}';
    const frame = (count: number): Buffer => Buffer.from(Array(count).fill(ping).join('\n'));
    assert.equal(checkLines(codec, frame(1000))?.length, 1000);
    const commands: Command[] = [];
    assert.throws(() => codec.decode(frame(1001), false, (command) => commands.push(command)), {
      closeCode: 1007,
      message: 'a frame has at most 1000 objects; send more frames',
    });
    assert.equal(commands.length, 1000);
  });

  test('a fault in a later object: those before it were handed out', () => {
    const kinds: string[] = [];
    const frame = Buffer.from('{"type":"ping"}\n{"type":"joinGroup","group":"g"}\n{"type":"no"}');
    const decode = (): void => codec.decode(frame, false, ({ kind }) => kinds.push(kind));
    assert.throws(decode, { closeCode: 1007, message: /"type" "no" is unknown/ });
    assert.deepEqual(kinds, ['ping', 'joinGroup']);
  });

  test('decode inside onCommand: the outer frame goes on where it was', () => {
    const kinds: string[] = [];
    const frame = Buffer.from('{"type":"ping"}\n{"type":"leaveGroup","group":"g"}');
    codec.decode(frame, false, ({ kind }) => {
      kinds.push(kind);
      if (kind === 'ping') kinds.push(...kindsOf('{"type":"joinGroup","group":"a"}'));
    });
    assert.deepEqual(kinds, ['ping', 'joinGroup', 'leaveGroup']);
  });

  test('arbitrary bytes: refused with a ProtocolError and nothing else', () => {
    fc.assert(
      fc.property(anyFrame(vectors), (frame) => {
        checkLines(codec, frame);
      }),
      { numRuns: 3000 },
    );
  });

  test('packed messages: the lines are the frames, whatever the payloads are', () => {
    const text = fc.string({ unit: 'binary', maxLength: 20 });
    const messages = fc.array(fc.tuple(text, text, fc.nat()), { minLength: 2, maxLength: 5 });
    fc.assert(
      fc.property(messages, (parts) => {
        const frames = parts.map(([group, sent, offset]) =>
          codec.encoder.encodeMessage(messageOf(group, sent, offset)),
        );
        const packed = codec.encoder.pack?.(frames);
        const lines = Buffer.from(packed?.bytes ?? '')
          .toString('utf8')
          .split('\n');
        const read = lines.map((line) => parseStrictly(Buffer.from(line)));
        const expected = parts.map(([group, sent, offset]) => ({
          type: 'message',
          from: 'group',
          group: group.toWellFormed(),
          fromUserId: null,
          id: `m${offset}`,
          offset,
          prev: 0,
          tag: 1,
          time: 2,
          dataType: 'text',
          data: sent.toWellFormed(),
        }));
        assert.deepEqual(read, expected);
      }),
    );
  });
});

function messageOf(group: string, sent: string, offset: number): Message {
  const place = { id: `m${offset}`, epoch: 'e', offset, prev: 0, tag: 1, storedAtMs: 2 };
  const payload = { dataType: 'text', bytes: Buffer.from(sent, 'utf8') } as const;
  const beside = { fromUserId: undefined, metadata: undefined, stream: undefined };
  return { from: 'group', kind: 'group', group: group.toWellFormed(), payload, place, ...beside };
}
