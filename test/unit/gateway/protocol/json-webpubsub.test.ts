/** The JSON subprotocol against its vectors and against JSON.parse. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { JsonWebPubSubCodec } from '../../../../gateway/protocol/json-webpubsub.ts';
import type { Command } from '../../../../gateway/protocol/model.ts';
import { anyFrame } from '../../../support/frame-bytes.ts';
import { checkFrame, parseStrictly } from '../../../support/frame-invariants.ts';
import { comparable, readVectors } from '../../../support/protocol-vectors.ts';
import { testVectors } from '../../../support/vector-suite.ts';

const vectors = readVectors('json-webpubsub-v1.json');
const codec = new JsonWebPubSubCodec(vectors.limits);

testVectors({
  codec,
  vectors,
  checkAccepted: (bytes) => assert.notEqual(checkFrame(codec, bytes), undefined),
});

const text = fc.string({ unit: 'binary', maxLength: 20 });
const groupName = text.filter((name) => name.trim() !== '');
const metadata = fc.dictionary(fc.stringMatching(/^[a-z!.-]{1,8}$/), fc.stringMatching(/^[ -~]*$/));

/** A payload as a client writes it: dataType and the JSON text of data. */
const written = fc.oneof(
  fc
    .json()
    .filter((json) => json !== 'null')
    .map((data) => ({ dataType: 'json', data })),
  text.map((value) => ({ dataType: 'text', data: JSON.stringify(value) })),
  fc
    .uint8Array({ maxLength: 40 })
    .map((bytes) => Buffer.from(bytes).toString('base64'))
    .map((value) => ({ dataType: 'binary', data: JSON.stringify(value) })),
);

/** Every character of a JSON string as an escape: another spelling of the same string. */
function escaped(value: string): string {
  const units = Array.from({ length: value.length }, (_, index) => value.charCodeAt(index));
  return `"${units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('')}"`;
}

const spelling = fc.constantFrom(JSON.stringify, escaped);
const fieldNames = ['type', 'group', 'data', 'dataType', 'ackId', 'noEcho', 'metadata', 'stream'];

/** A member that a hostile client adds: known or unknown name, in some spelling, any value. */
const forgedMember = fc
  .tuple(
    fc.oneof(fc.constantFrom(...fieldNames, 'from', 'fromUserId', '__proto__', 'Data'), text),
    spelling,
    fc.oneof(fc.json(), fc.constant('{"data":1,"fromUserId":"admin"}'), fc.constant('1}')),
  )
  .map(([name, spell, value]) => `${spell(name)}:${value}`);

describe('json.webpubsub.azure.v1: properties', () => {
  test('sendToGroup: a valid frame in any spelling and order is read as JSON.parse reads it', () => {
    const frames = fc
      .record({
        group: groupName,
        payload: written,
        ackId: fc.option(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })),
        noEcho: fc.option(fc.boolean()),
        metadata: fc.option(metadata),
        spell: spelling,
      })
      .chain(({ group, payload, ackId, noEcho, metadata, spell }) =>
        fc.shuffledSubarray(
          [
            `${spell('type')}:${spell('sendToGroup')}`,
            `${spell('group')}:${spell(group)}`,
            `${spell('dataType')}:${spell(payload.dataType)}`,
            `${spell('data')} : ${payload.data}`,
            `${spell('ackId')}:${ackId === null ? 'null' : ackId.toString()}`,
            `${spell('noEcho')}:${JSON.stringify(noEcho)}`,
            `${spell('metadata')}:${JSON.stringify(metadata)}`,
          ],
          { minLength: 7 },
        ),
      );
    fc.assert(
      fc.property(frames, (members) => {
        const frame = Buffer.from(`{${members.join(',')}}`, 'utf8');
        assert.equal(checkFrame(codec, frame), 'sendToGroup');
      }),
      { numRuns: 500 },
    );
  });

  test('json payload: the bytes are the ones that were sent', () => {
    const layout = fc.constantFrom(undefined, 1, '\t');
    const json = fc.jsonValue().filter((value) => value !== null);
    fc.assert(
      fc.property(json, layout, (value, indent) => {
        const data = JSON.stringify(value, undefined, indent);
        const frame = Buffer.from(`{"type":"event","event":"e","data": ${data} }`, 'utf8');
        const payloads: string[] = [];
        codec.decode(frame, false, (command) => {
          if (command.kind === 'event')
            payloads.push(Buffer.from(command.payload.bytes).toString());
        });
        assert.deepEqual(payloads, [data]);
      }),
    );
  });

  test('forged members: none of them becomes a field of the receiver', () => {
    fc.assert(
      fc.property(
        groupName,
        written,
        fc.array(fc.tuple(forgedMember, fc.nat()), { maxLength: 4 }),
        (group, { dataType, data }, forged) => {
          const members = [
            '"type":"sendToGroup"',
            `"group":${JSON.stringify(group)}`,
            `"dataType":"${dataType}"`,
            `"data":${data}`,
          ];
          for (const [member, place] of forged) members.splice(place % 5, 0, member);
          checkFrame(codec, Buffer.from(`{${members.join(',')}}`, 'utf8'));
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('a second data in any spelling: refused', () => {
    fc.assert(
      fc.property(spelling, fc.constantFrom('group', 'data', 'type'), (spell, name) => {
        const frame = `{"type":"sendToGroup","group":"g","data":1,${spell(name)}:"g"}`;
        assert.throws(() => codec.decode(Buffer.from(frame), false, () => undefined), {
          closeCode: 1007,
          message: /appears twice/,
        });
      }),
    );
  });

  test('arbitrary bytes: refused with a ProtocolError and nothing else', () => {
    fc.assert(
      fc.property(anyFrame(vectors), (frame) => {
        checkFrame(codec, frame);
      }),
      { numRuns: 3000 },
    );
  });

  test('encodeMessage: any text arrives as it was sent', () => {
    const ascii = Array.from({ length: 128 }, (_, code) => `a${String.fromCharCode(code)}b`);
    const agree = (sent: string): void => {
      const payload = { dataType: 'text', bytes: Buffer.from(sent, 'utf8') } as const;
      const message = { from: 'server', kind: 'user', payload } as const;
      const beside = { group: undefined, fromUserId: undefined, metadata: undefined };
      const { bytes } = codec.encoder.encodeMessage({ ...message, ...beside, stream: undefined });
      const data = payload.bytes.toString('utf8');
      const expected = { type: 'message', from: 'server', dataType: 'text', data };
      assert.deepEqual(parseStrictly(bytes), expected);
    };
    for (const sent of ascii) agree(sent);
    fc.assert(fc.property(fc.string({ unit: 'binary' }), agree));
  });

  test('decode: a plain Uint8Array in the middle of a larger buffer is read where it lies', () => {
    const frame = Buffer.from('##{"type":"joinGroup","group":"g1"}##');
    const view = new Uint8Array(frame.buffer, frame.byteOffset + 2, frame.length - 4);
    const commands: Command[] = [];
    codec.decode(view, false, (command) => commands.push(command));
    assert.deepEqual(commands.map(comparable), [{ kind: 'joinGroup', group: 'g1' }]);
  });
});
