/** The client's MessagePack, against msgpackr, the gateway's codec and the vectors that it runs. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Packr, unpack } from 'msgpackr';
import { json } from '../../../../client-sdk/src/codec.ts';
import { msgpack } from '../../../../client-sdk/src/msgpack/index.ts';
import { Reader } from '../../../../client-sdk/src/msgpack/reader.ts';
import { Writer } from '../../../../client-sdk/src/msgpack/writer.ts';
import { dataOf, payloadOf } from '../../../../client-sdk/src/payload.ts';
import type { ClientFrame, GatewayFrame } from '../../../../client-sdk/src/wire.ts';
import type { Command } from '../../../../gateway/protocol/model.ts';
import { TrunklineJsonCodec } from '../../../../gateway/protocol/trunkline-json.ts';
import { TrunklineMsgpackCodec } from '../../../../gateway/protocol/trunkline-msgpack.ts';
import { readVectors } from '../../../support/protocol-vectors.ts';

const packr = new Packr({ useRecords: false, variableMapSize: true });
const vectors = readVectors('trunkline-v1-msgpack.json');

/** As a WebSocket brings it. */
function arrayBufferOf(bytes: Uint8Array | string): ArrayBuffer {
  assert.ok(typeof bytes !== 'string');
  return Uint8Array.from(bytes).buffer;
}

const read = (bytes: Uint8Array): unknown => new Reader(arrayBufferOf(bytes)).value();

const value = fc.anything({
  maxDepth: 4,
  values: [
    fc.string({ unit: 'grapheme', maxLength: 300 }),
    fc.integer(),
    fc.maxSafeInteger(),
    fc.double({ noNaN: true }),
    fc.boolean(),
    fc.constant(null),
    fc.uint8Array({ maxLength: 300 }),
  ],
  key: fc.string(),
});

/** Prototypes and the sign of zero do not travel, and msgpackr gives bytes as a Buffer. */
function plain(each: unknown): unknown {
  if (each instanceof Uint8Array) return Uint8Array.from(each);
  if (Array.isArray(each)) return each.map(plain);
  if (each === 0) return 0;
  if (typeof each !== 'object' || each === null) return each;
  return Object.fromEntries(Object.entries(each).map(([key, member]) => [key, plain(member)]));
}

/** A vector: the frame, and its map as a reader of the file sees it. */
interface Said {
  readonly hex?: string;
  readonly says?: unknown;
}

/** As the vectors write it: bytes as digits in angle brackets. */
function described(each: unknown): unknown {
  if (each instanceof Uint8Array) return `<${Buffer.from(each).toString('hex')}>`;
  if (Array.isArray(each)) return each.map(described);
  if (typeof each !== 'object' || each === null) return each;
  return Object.fromEntries(Object.entries(each).map(([key, member]) => [key, described(member)]));
}

/** What the vectors say, with JSON text parsed as the client does it. */
function parsed(each: unknown): unknown {
  // An object of the vectors, or the messages in one.
  const frame = each as GatewayFrame;
  const { data, dataType, messages } = frame;
  if (messages !== undefined) return { ...frame, messages: messages.map(parsed) };
  return dataType === 'json' ? { ...frame, data: JSON.parse(String(data)) as unknown } : frame;
}

describe('MessagePack of the client', () => {
  test('msgpack: msgpackr reads what it writes, and it reads what msgpackr writes', () => {
    fc.assert(
      fc.property(value, (written) => {
        // msgpackr renames this one key when it reads.
        fc.pre(!JSON.stringify(written).includes('__proto__'));
        const bytes = new Writer().encode(written);
        assert.deepEqual(plain(unpack(bytes)), plain(written));
        assert.deepEqual(plain(read(packr.pack(written))), plain(written));
        assert.deepEqual(plain(read(bytes)), plain(written));
      }),
      { numRuns: 500 },
    );
  });

  test('msgpack: every length and every size of number', () => {
    const lengths = [0, 15, 16, 31, 32, 255, 256, 65_535, 65_536];
    const numbers = [0, 1, 127, 128, 255, 256, 65_535, 65_536, 2 ** 31, 2 ** 32 - 1, 2 ** 32];
    const values = [
      ...lengths.map((length) => 'x'.repeat(length)),
      ...lengths.map((length) => new Uint8Array(length)),
      ...lengths.map((length) => Array.from({ length }, () => 7)),
      ...lengths.map((length) =>
        Object.fromEntries(Array.from({ length }, (_, index) => [`k${index}`, index])),
      ),
      ...numbers.flatMap((number) => [number, -number, -number - 1, number + 0.5]),
      Number.MAX_SAFE_INTEGER,
      Number.MIN_SAFE_INTEGER,
    ];
    for (const written of values) {
      const bytes = new Writer().encode(written);
      assert.deepEqual(plain(unpack(bytes)), plain(written));
      assert.deepEqual(plain(read(packr.pack(written))), plain(written));
      assert.deepEqual(plain(read(bytes)), plain(written));
    }
    // 64 bits, which msgpackr writes for bigints only; and a float of 32 bits.
    assert.equal(read(packr.pack(2n ** 53n - 1n)), Number.MAX_SAFE_INTEGER);
    assert.equal(read(packr.pack(1n - 2n ** 53n)), Number.MIN_SAFE_INTEGER);
    assert.equal(read(Uint8Array.of(0xca, 0x3f, 0xc0, 0, 0)), 1.5);
  });

  test('msgpack: a property that is undefined is left out, a key is no prototype', () => {
    assert.deepEqual(new Writer().encode({ a: undefined }), Uint8Array.of(0x80));
    const read = msgpack.decode(arrayBufferOf(new Writer().encode(JSON.parse('{"__proto__":1}'))));
    assert.deepEqual(Object.keys(read[0] ?? {}), ['__proto__']);
    assert.throws(() => new Writer().encode({ a: 1n }), { message: 'MessagePack has no bigint' });
  });

  test('msgpack: what is no frame of the gateway is refused', () => {
    const cases: readonly (readonly number[])[] = [
      [0xd4, 0, 0],
      [0xc1],
      [0x81, 1, 1],
      [0x81, 0xa1],
      [0xa2, 0x61],
      [0xa1, 0xff],
      [0xdd, 0xff, 0xff, 0xff, 0xff],
      [0xc6, 0xff, 0xff, 0xff, 0xff],
      Array.from({ length: 1000 }, () => 0x91),
    ];
    for (const bytes of cases) assert.throws(() => read(Uint8Array.from(bytes)));
    assert.throws(() => msgpack.decode('{}'), { message: 'a frame must be binary' });
  });

  test('msgpack: everything in the vectors of the gateway is read as they say', () => {
    const { messages, replies } = vectors;
    let compared = 0;
    for (const { hex = '', says } of [...messages, ...replies] as readonly Said[]) {
      if (says === undefined) continue;
      const objects = msgpack.decode(arrayBufferOf(Buffer.from(hex, 'hex')));
      assert.deepEqual(objects.map(described), [says].flat().map(parsed));
      compared += 1;
    }
    assert.ok(compared > 20, `only ${compared} vectors`);
  });

  test('msgpack: the gateway reads the same commands in it as in JSON', () => {
    const { limits } = vectors;
    const position = { epoch: 'e1', offset: 2 ** 40, tag: 2 ** 32 - 1 };
    const metadata = { kind: 'note' };
    const frames: readonly ClientFrame[] = [
      { type: 'joinGroup', group: 'g', since: position, ackId: 1 },
      { type: 'joinGroup', group: 'g', since: undefined, ackId: 300 },
      { type: 'sendToGroup', group: 'g', id: 'x', ...payloadOf({ a: [1, null] }), metadata },
      { type: 'sendToGroup', group: 'g', id: 'x', ...payloadOf('text'), noEcho: true, ackId: 9 },
      { type: 'sendToGroup', group: 'g', ...payloadOf(Uint8Array.of(0, 200, 255)) },
      { type: 'history', group: 'g', before: 2 ** 33, reverse: true, limit: 5, ackId: 2 },
      { type: 'invoke', invocationId: 'i', event: 'sum', ...payloadOf([1, 2]) },
      { type: 'refreshToken', token: 't'.repeat(300), ackId: 3 },
    ];
    const commandsOf = (
      codec: TrunklineJsonCodec | TrunklineMsgpackCodec,
      bytes: string | Uint8Array,
    ): Command[] => {
      const commands: Command[] = [];
      codec.decode(Buffer.from(bytes), typeof bytes !== 'string', (each) => commands.push(each));
      return commands;
    };
    for (const frame of frames) {
      assert.deepEqual(
        commandsOf(new TrunklineMsgpackCodec(limits), msgpack.encode(frame)),
        commandsOf(new TrunklineJsonCodec(limits), json.encode(frame)),
      );
    }
  });

  test('msgpack: payloads come out as they went in, in messages and in history', () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array(), fc.jsonValue()), (data) => {
        fc.pre(data !== null);
        const message = { type: 'message', ...payloadOf(data) };
        const [frame] = msgpack.decode(arrayBufferOf(msgpack.encode(message)));
        assert.ok(frame !== undefined);
        // What JSON makes of it: it has no negative zero.
        const expected: unknown =
          data instanceof Uint8Array ? data : JSON.parse(JSON.stringify(data));
        assert.deepEqual(dataOf(frame), expected);
        const text = data instanceof Uint8Array ? data : JSON.stringify(data);
        const history = { type: 'history', messages: [{ ...message, data: text }] };
        const [page] = msgpack.decode(arrayBufferOf(msgpack.encode(history)));
        const [first] = page?.messages ?? [];
        assert.ok(first !== undefined);
        assert.deepEqual(dataOf(first), expected);
      }),
    );
  });
});
