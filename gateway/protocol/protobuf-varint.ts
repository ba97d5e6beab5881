/**
 * Varints written in place: lengths and numbers inside a frame whose size is known before it is
 * allocated, which the library's writer cannot do.
 */

/** Bytes of the varint of an integer from 0 to 2^53-1. */
export function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) length += 1;
  return length;
}

/** Writes the varint of an integer from 0 to 2^53-1 at `start`. @returns the index behind it. */
export function writeVarint(bytes: Uint8Array, start: number, value: number): number {
  let index = start;
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes[index++] = (rest % 0x80) | 0x80;
  bytes[index++] = rest;
  return index;
}
