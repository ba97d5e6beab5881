/** Holds the framing of batches: what goes in comes out, and nothing else comes out. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { packBatch, packedBytes, unpackBatch } from '../../../../backplanes/azure/batch.ts';

const items = fc.array(
  fc.record({ key: fc.string({ unit: 'grapheme' }), bytes: fc.uint8Array({ maxLength: 300 }) }),
);

describe('batch', () => {
  test('batch: envelopes come out as they went in, in their order', () => {
    fc.assert(
      fc.property(items, (batch) => {
        const unpacked = unpackBatch(packBatch(batch));
        assert.deepEqual(
          unpacked?.map(({ bytes, key }) => ({ key, bytes: Uint8Array.from(bytes) })),
          batch.map(({ bytes, key }) => ({ key, bytes })),
        );
      }),
    );
  });

  test('batch: the size is known before it is packed', () => {
    fc.assert(
      fc.property(items, (batch) => {
        const sizes = batch.map(({ bytes, key }) =>
          packedBytes(Buffer.byteLength(key), bytes.length),
        );
        assert.equal(
          packBatch(batch).length,
          sizes.reduce((sum, size) => sum + size, 1),
        );
      }),
    );
  });

  test('batch: cut anywhere inside an envelope, nothing of it comes out', () => {
    const packed = packBatch([{ key: 'key', bytes: Buffer.from('bytes') }]);
    for (let length = 2; length < packed.length; length += 1) {
      assert.equal(unpackBatch(packed.subarray(0, length)), undefined, `${length}`);
    }
    assert.deepEqual(unpackBatch(packed.subarray(0, 1)), []);
  });

  test('batch: other versions are not guessed at', () => {
    const packed = packBatch([{ key: 'key', bytes: Buffer.from('bytes') }]);
    packed[0] = 2;
    assert.equal(unpackBatch(packed), undefined);
    assert.equal(unpackBatch(Buffer.alloc(0)), undefined);
  });

  test('batch: whatever arrives, it is envelopes inside of it or nothing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const packed = Buffer.concat([Uint8Array.of(1), bytes]);
        const sizes = unpackBatch(packed)?.map((item) =>
          packedBytes(Buffer.byteLength(item.key), item.bytes.length),
        );
        // Keys that were no UTF-8 grow by their replacement characters.
        if (sizes !== undefined) assert.ok(sizes.length <= packed.length / packedBytes(0, 0));
      }),
    );
  });
});
