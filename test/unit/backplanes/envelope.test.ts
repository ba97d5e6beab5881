/** Tests of the envelope: what goes in comes out, and nothing else ever does. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Packr } from 'msgpackr';
import {
  encodeEnvelope,
  EnvelopeError,
  EnvelopeView,
  type EnvelopeFields,
} from '../../../backplanes/envelope.ts';
import { readExtension, type Extension } from '../../../backplanes/envelope-extension.ts';

const epoch2020 = 1_577_836_800;
const text = (maxLength: number): fc.Arbitrary<string> =>
  fc.oneof(
    fc.string({ unit: 'binary', maxLength }),
    fc.string({ maxLength }),
    fc.constantFrom('', '\u0000', '\u{1f600}'),
  );

const extension: fc.Arbitrary<Extension> = fc.record(
  {
    metadata: fc.dictionary(fc.oneof(text(10), fc.constant('__proto__')), text(10)),
    excluded: fc.array(text(20)),
    filter: text(50),
    stream: fc.record(
      {
        streamId: text(10),
        streamSequenceId: fc.oneof(fc.nat(200), fc.maxSafeNat()),
        endOfStream: fc.boolean(),
        error: fc.record(
          { name: text(10), message: text(10), userErrorCode: text(10) },
          { requiredKeys: ['name'] },
        ),
      },
      { requiredKeys: ['streamId', 'streamSequenceId'] },
    ),
  },
  { requiredKeys: [] },
);

const fieldsArbitrary: fc.Arbitrary<EnvelopeFields> = fc.record({
  id: text(60),
  hasChosenId: fc.boolean(),
  nodeId: text(60),
  counter: fc.oneof(fc.nat(), fc.maxSafeNat(), fc.constantFrom(2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1)),
  hub: text(60),
  kind: fc.constantFrom('all', 'user', 'group', 'connection'),
  name: text(1024),
  dataType: fc.constantFrom('json', 'text', 'binary', 'protobuf'),
  data: fc.uint8Array({ maxLength: 500 }),
  senderConnectionId: fc.option(text(100), { nil: undefined }),
  senderUserId: fc.option(text(1024), { nil: undefined }),
  noEcho: fc.boolean(),
  expiresAtSeconds: fc.oneof(
    fc.constant(0),
    fc.double({ min: epoch2020 + 1, max: epoch2020 + 2 ** 32 - 1, noNaN: true }),
  ),
  extension: fc.option(extension, { nil: undefined }),
});

/** Everything that a view says, read once. */
function readAll(view: EnvelopeView): EnvelopeFields {
  return {
    id: view.id,
    hasChosenId: view.hasChosenId,
    nodeId: view.nodeId,
    counter: view.counter,
    hub: view.hub,
    kind: view.kind,
    name: view.name,
    dataType: view.dataType,
    data: Uint8Array.from(view.data),
    senderConnectionId: view.senderConnectionId,
    senderUserId: view.senderUserId,
    noEcho: view.noEcho,
    expiresAtSeconds: view.expiresAtSeconds,
    extension: view.extension,
  };
}

/** As UTF-8 carries it: a lone surrogate becomes the replacement character. */
function wellFormed<T>(value: T): T {
  if (typeof value === 'string') return Buffer.from(value).toString() as T;
  if (value instanceof Uint8Array || typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(wellFormed) as T;
  const pairs = Object.entries(value).map(([key, item]): [string, unknown] => [
    wellFormed(key),
    wellFormed<unknown>(item),
  ]);
  return Object.fromEntries(pairs) as T;
}

/** The bytes in the middle of others that a reader must not see. */
function amongOthers(bytes: Uint8Array): Uint8Array {
  const around = Buffer.alloc(bytes.length + 2000, 0x61);
  around.set(bytes, 1000);
  return around.subarray(1000, 1000 + bytes.length);
}

const sample: EnvelopeFields = {
  id: 'p1',
  hasChosenId: false,
  nodeId: 'n1',
  counter: 0x1_0000_0002,
  hub: 'chat',
  kind: 'group',
  name: 'gruppe ü',
  dataType: 'text',
  data: Buffer.from('hello'),
  senderConnectionId: 'n1-c',
  senderUserId: 'ann',
  noEcho: true,
  expiresAtSeconds: epoch2020 + 258,
  extension: { filter: 'f' },
};

/** Written by hand from the layout in envelope.ts: whoever changes it changes the version. */
const sampleHex = [
  '01 01 01 0f 02 02 02 04',
  '0400 0300 0900 0000',
  '05000000 0c000000 02010000 02000000 01000000',
  '7031 6e31 63686174 6e312d63 616e6e 677275707065 20c3bc',
  'de0001 a6 66696c746572 a1 66',
  '68656c6c6f',
]
  .join('')
  .replaceAll(' ', '');

describe('envelope', () => {
  test('envelope: the layout of version 1 does not drift', () => {
    assert.equal(encodeEnvelope(sample).toString('hex'), sampleHex);
    const read = readAll(new EnvelopeView(Buffer.from(sampleHex, 'hex')));
    assert.deepEqual(read, { ...sample, data: Uint8Array.from(sample.data) });
  });

  test('envelope: what is encoded is read back, wherever the bytes lie', () => {
    fc.assert(
      fc.property(fieldsArbitrary, (fields) => {
        const view = new EnvelopeView(amongOthers(encodeEnvelope(fields)));
        const { expiresAtSeconds, ...rest } = readAll(view);
        const { expiresAtSeconds: expires, ...expected } = wellFormed(fields);
        assert.deepEqual(rest, expected);
        // Rounded up to a second: never early.
        assert.equal(expiresAtSeconds, Math.ceil(expires));
        assert.deepEqual(readAll(view.retained()), readAll(view));
      }),
      { numRuns: 500 },
    );
  });

  test('envelope: lone surrogates become replacement characters, lengths stay right', () => {
    const view = new EnvelopeView(
      encodeEnvelope({ ...sample, id: '\ud800', name: 'a\udc00b', senderUserId: '\ud83d' }),
    );
    assert.deepEqual([view.id, view.name, view.senderUserId], ['\ufffd', 'a\ufffdb', '\ufffd']);
    assert.equal(Buffer.from(view.data).toString(), 'hello');
  });

  test('envelope: an absent sender and an empty one are told apart', () => {
    const absent = { ...sample, senderConnectionId: undefined, senderUserId: undefined };
    const empty = { ...sample, senderConnectionId: '', senderUserId: '' };
    const [noSender, emptySender] = [absent, empty].map((fields) =>
      readAll(new EnvelopeView(encodeEnvelope(fields))),
    );
    assert.deepEqual(
      [noSender?.senderConnectionId, noSender?.senderUserId],
      [undefined, undefined],
    );
    assert.deepEqual([emptySender?.senderConnectionId, emptySender?.senderUserId], ['', '']);
  });

  test('envelope: each string may be as long as promised, and not a byte longer', () => {
    const bounds = {
      id: 255,
      nodeId: 255,
      hub: 255,
      senderConnectionId: 65_535,
      senderUserId: 65_535,
      name: 65_535,
    } as const;
    const longest = Object.fromEntries(
      Object.entries(bounds).map(([field, max]) => [field, 'x'.repeat(max)]),
    );
    const fields = { ...sample, ...longest };
    assert.deepEqual(readAll(new EnvelopeView(encodeEnvelope(fields))), {
      ...fields,
      data: Uint8Array.from(sample.data),
    });
    for (const [field, max] of Object.entries(bounds)) {
      // Measured in bytes: the last character has two.
      const tooLong = `${'x'.repeat(max - 1)}é`;
      assert.throws(() => encodeEnvelope({ ...sample, [field]: tooLong }), EnvelopeError, field);
    }
  });

  test('envelope: expiries outside of what the field can say stay at its ends', () => {
    const read = (expiresAtSeconds: number): number =>
      new EnvelopeView(encodeEnvelope({ ...sample, expiresAtSeconds })).expiresAtSeconds;
    assert.equal(read(1), epoch2020 + 1);
    assert.equal(read(epoch2020 + 0.1), epoch2020 + 1);
    assert.equal(read(epoch2020 + 2 ** 33), epoch2020 + 2 ** 32 - 1);
    assert.equal(read(0), 0);
  });

  test('envelope: every truncation and every extension by a byte is refused', () => {
    const bytes = encodeEnvelope(sample);
    for (let length = 0; length < bytes.length; length += 1) {
      assert.throws(() => new EnvelopeView(amongOthers(bytes.subarray(0, length))), EnvelopeError);
    }
    assert.throws(() => new EnvelopeView(Buffer.concat([bytes, Buffer.alloc(1)])), EnvelopeError);
  });

  test('envelope: mutated bytes are refused, or read without leaving the buffer', () => {
    const mutation = fc.record({ at: fc.nat(), value: fc.integer({ min: 0, max: 255 }) });
    let read = 0;
    fc.assert(
      fc.property(
        fieldsArbitrary,
        fc.array(mutation, { minLength: 1, maxLength: 4 }),
        (fields, mutations) => {
          const bytes = encodeEnvelope(fields);
          for (const { at, value } of mutations) bytes[at % Math.min(bytes.length, 60)] = value;
          const outcome = attempt(() => readAll(new EnvelopeView(amongOthers(bytes))));
          if (outcome === undefined) return;
          read += 1;
          // All that was read fits into what was there.
          const { data, hub, id, name, nodeId, senderConnectionId, senderUserId } = outcome;
          const strings = [id, nodeId, hub, name, senderConnectionId ?? '', senderUserId ?? ''];
          const characters = strings.reduce((sum, string) => sum + string.length, data.length);
          assert.ok(characters <= bytes.length - 36);
        },
      ),
      { numRuns: 2000 },
    );
    assert.ok(read > 100, `only ${read} mutants could be read`);
  });

  test('envelope: what is retained owns its bytes', () => {
    const bytes = encodeEnvelope(sample);
    const retained = new EnvelopeView(bytes).retained();
    bytes.fill(0);
    assert.deepEqual(readAll(retained), { ...sample, data: Uint8Array.from(sample.data) });
    assert.equal(retained.data.buffer.byteLength, bytes.length);
  });
});

/** The value, or undefined when it is refused as an envelope should be. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    assert.ok(error instanceof EnvelopeError, `refused with ${String(error)}`);
    return undefined;
  }
}

/** An envelope whose extension is these bytes. */
function withExtension(bytes: Uint8Array): EnvelopeView {
  const valid = encodeEnvelope({ ...sample, data: Buffer.alloc(0) });
  const length = valid.readUInt32LE(20);
  const envelope = Buffer.concat([valid.subarray(0, valid.length - length), bytes]);
  envelope.writeUInt32LE(bytes.length, 20);
  return new EnvelopeView(envelope);
}

const packr = new Packr({ useRecords: false, moreTypes: true, structuredClone: true });
const cyclic: Record<string, unknown> = { metadata: {} };
cyclic['metadata'] = cyclic;

const poisons: Readonly<Record<string, Uint8Array>> = {
  'nothing at all': new Uint8Array(0),
  'a number': packr.pack(7),
  'an array': packr.pack([1]),
  undefined: packr.pack(undefined),
  'a RegExp as filter': packr.pack({ filter: /(a+)+$/ }),
  'a Date as filter': packr.pack({ filter: new Date(0) }),
  'an Error as filter': packr.pack({ filter: new Error('x') }),
  'a Set as exclusions': packr.pack({ excluded: new Set(['a']) }),
  'bytes as exclusions': packr.pack({ excluded: new Uint8Array(4) }),
  'numbers as exclusions': packr.pack({ excluded: [1] }),
  'a cycle as metadata': packr.pack(cyclic),
  'nested metadata': packr.pack({ metadata: { a: { b: 'c' } } }),
  'a polluting prototype': packr.pack(JSON.parse('{"metadata":{"__proto__":{"polluted":"x"}}}')),
  'a stream without an id': packr.pack({ stream: { streamSequenceId: 1 } }),
  'a fraction as sequence': packr.pack({ stream: { streamId: 'a', streamSequenceId: 1.5 } }),
  'a negative sequence': packr.pack({ stream: { streamId: 'a', streamSequenceId: -1 } }),
  'a bigint as sequence': packr.pack({ stream: { streamId: 'a', streamSequenceId: 2n ** 60n } }),
  'a word as end of stream': packr.pack({
    stream: { streamId: 'a', streamSequenceId: 1, endOfStream: 'yes' },
  }),
  'an array of 4 billion': Buffer.from('81a86578636c75646564ddffffffff', 'hex'),
  'an array of 30 million': Buffer.from('81a86578636c75646564dd01ffffff', 'hex'),
  'a map of 4 billion': Buffer.from('dfffffffff', 'hex'),
  'a string longer than there is': Buffer.from('81a666696c746572dbffffffff', 'hex'),
  'a record definition': Buffer.from('d4724091a16101', 'hex'),
  'something after the end': Buffer.from('8000', 'hex'),
  '300-deep nesting': Buffer.alloc(300, 0x91),
  'a million deep nesting': Buffer.alloc(1_000_000, 0x91),
};

describe('envelope extension', () => {
  for (const [name, bytes] of Object.entries(poisons)) {
    test(`envelope extension: ${name} is refused, and the next one is read`, () => {
      assert.throws(() => withExtension(bytes).extension, EnvelopeError);
      assert.equal(Reflect.get({}, 'polluted'), undefined);
      const good = { stream: { streamId: 'a', streamSequenceId: 64 }, metadata: { a: 'b' } };
      const view = new EnvelopeView(encodeEnvelope({ ...sample, extension: good }));
      assert.deepEqual(view.extension, good);
    });
  }

  test('envelope extension: the key __proto__ is a key like any other', () => {
    const metadata: unknown = JSON.parse('{"__proto__":"x","constructor":"y"}');
    const read = readExtension(packr.pack({ metadata })).metadata ?? {};
    assert.deepEqual(Object.entries(read), [
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ]);
    assert.equal(Object.getPrototypeOf(read), Object.prototype);
  });

  test('envelope extension: unknown fields are ignored, known ones are read', () => {
    const bytes = packr.pack({ filter: 'a', later: { deep: [1, 2, 3] } });
    assert.deepEqual(withExtension(bytes).extension, { filter: 'a' });
  });

  test('envelope extension: arbitrary bytes are refused or read as what they say', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 60 }),
          fc.anything({ withMap: true, withDate: true, withSet: true }).map(packed),
        ),
        (bytes) => {
          const read = attempt(() => withExtension(bytes).extension) ?? {};
          const { excluded = [], filter = '', metadata = {} } = read;
          assert.ok(Array.isArray(excluded) && excluded.every((id) => typeof id === 'string'));
          assert.equal(typeof filter, 'string');
          assert.ok(Object.values(metadata).every((value) => typeof value === 'string'));
        },
      ),
      { numRuns: 1000 },
    );
  });
});

/** MessagePack of a value with known fields at random places; nothing where it cannot be packed. */
function packed(value: unknown): Uint8Array {
  try {
    return packr.pack({ metadata: value, filter: value, excluded: value });
  } catch {
    return new Uint8Array(0);
  }
}
