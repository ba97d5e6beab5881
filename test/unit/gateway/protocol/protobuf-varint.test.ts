/** Varints written in place, against those of the library. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import fc from 'fast-check';
import { varintLength, writeVarint } from '../../../../gateway/protocol/protobuf-varint.ts';

test('varints: the bytes that the library writes, of every length up to 2^53-1', () => {
  const powers = fc.integer({ min: 0, max: 53 }).map((power) => 2 ** power - 1);
  const neighbours = fc.tuple(powers, fc.nat(2)).map(([value, more]) => value + more);
  const values = fc
    .oneof(neighbours, fc.maxSafeNat())
    .filter((value) => value <= Number.MAX_SAFE_INTEGER);
  fc.assert(
    fc.property(values, (value) => {
      const expected = Buffer.from(new BinaryWriter().uint64(value).finish());
      assert.equal(varintLength(value), expected.length);
      const bytes = Buffer.alloc(12, 0xee);
      assert.equal(writeVarint(bytes, 1, value), 1 + expected.length);
      assert.equal(bytes.toString('hex', 1, 1 + expected.length), expected.toString('hex'));
      assert.equal(bytes[1 + expected.length], 0xee);
    }),
    { numRuns: 1000 },
  );
});
