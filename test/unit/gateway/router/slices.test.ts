/** Tests of cutting a list of frames into what is written at once. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { sliceBytesMax, sliceFrames } from '../../../../gateway/router/slices.ts';

const framesOf = (sizes: readonly number[]) =>
  sizes.map((size) => ({ bytes: new Uint8Array(size), isBinary: false }));

describe('slices', () => {
  test('slices: together they are the list; each fits, or is one frame; none could be joined', () => {
    const size = fc.oneof(fc.nat(100), fc.nat(sliceBytesMax), fc.nat(3 * sliceBytesMax));
    fc.assert(
      fc.property(fc.array(size, { maxLength: 30 }), (sizes) => {
        const frames = framesOf(sizes);
        const slices = sliceFrames(frames);
        assert.deepEqual(slices.flat(), frames);
        const bytes = slices.map((slice) =>
          slice.reduce((sum, frame) => sum + frame.bytes.length, 0),
        );
        for (const [index, slice] of slices.entries()) {
          assert.ok((bytes[index] ?? 0) <= sliceBytesMax || slice.length === 1);
          const next = slices[index + 1]?.[0]?.bytes.length;
          if (next !== undefined) assert.ok((bytes[index] ?? 0) + next > sliceBytesMax);
        }
      }),
    );
  });

  test('slices: what fits is not copied', () => {
    const frames = framesOf([1, 2, 3]);
    assert.equal(sliceFrames(frames)[0], frames);
  });
});
