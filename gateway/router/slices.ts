/**
 * Cuts a list of frames into slices small enough to find out between two of them that a socket does
 * not keep up: what is written into a socket that takes nothing is memory.
 */
import type { Frame } from '../protocol/codec.ts';

/** Bytes of frames written before the socket is asked whether it took them. */
export const sliceBytesMax = 64 * 1024;

/** Slices in order; each holds at most `sliceBytesMax` bytes, or one larger frame. */
export function sliceFrames(frames: readonly Frame[]): (readonly Frame[])[] {
  const slices: (readonly Frame[])[] = [];
  let start = 0;
  let bytes = 0;
  for (let index = 0; index < frames.length; index += 1) {
    const length = frames[index]?.bytes.length ?? 0;
    if (bytes + length > sliceBytesMax && index > start) {
      slices.push(frames.slice(start, index));
      start = index;
      bytes = 0;
    }
    bytes += length;
  }
  // Nearly always everything fits, and the list itself is the only slice.
  slices.push(start === 0 ? frames : frames.slice(start));
  return slices;
}
