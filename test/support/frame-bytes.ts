/** Frames for property tests that hold for everything a client could send. */
import fc from 'fast-check';
import { frameOf, type VectorFile } from './protocol-vectors.ts';

/** Any bytes, and frames that the decoder accepts with one byte changed. */
export function anyFrame(vectors: VectorFile): fc.Arbitrary<Uint8Array> {
  return fc.oneof(
    fc.uint8Array({ maxLength: 100 }),
    fc
      .tuple(fc.constantFrom(...vectors.accepted), fc.nat(), fc.nat(255))
      .map(([vector, place, byte]) => {
        const frame = frameOf(vector).bytes;
        frame[place % frame.length] = byte;
        return frame;
      }),
  );
}
