/**
 * A position as one word for URLs and headers. Opaque to whoever holds it: base64url of a version,
 * tag and offset in little endian, and the epoch.
 * ```
 *  0 u8 version = 1    1 u32 tag    5 u32 offset, low    9 u32 offset, high    13 epoch
 * ```
 */
import type { StreamPosition } from './model.ts';

const version = 1;
const headerBytes = 13;
const epochLengthMax = 255;
const wordRange = 2 ** 32;
const textLengthMax = Math.ceil(((headerBytes + epochLengthMax) * 4) / 3);

/** @param position as a store gave it: its epoch is visible ASCII. */
export function positionText({ epoch, offset, tag }: StreamPosition): string {
  const bytes = Buffer.alloc(headerBytes + epoch.length);
  bytes[0] = version;
  bytes.writeUInt32LE(tag, 1);
  bytes.writeUInt32LE(offset % wordRange, 5);
  bytes.writeUInt32LE(Math.floor(offset / wordRange), 9);
  bytes.write(epoch, headerBytes, 'latin1');
  return bytes.toString('base64url');
}

/** undefined: it is none that `positionText` makes. */
export function parsePositionText(text: string): StreamPosition | undefined {
  if (text.length > textLengthMax) return undefined;
  const bytes = Buffer.from(text, 'base64url');
  // The decoder passes over what it does not know: only the one spelling of the bytes is good.
  if (bytes.length <= headerBytes || bytes[0] !== version || bytes.toString('base64url') !== text) {
    return undefined;
  }
  const epoch = bytes.toString('latin1', headerBytes);
  const offset = bytes.readUInt32LE(5) + bytes.readUInt32LE(9) * wordRange;
  if (!/^[\x21-\x7e]+$/.test(epoch) || !Number.isSafeInteger(offset)) return undefined;
  return { epoch, offset, tag: bytes.readUInt32LE(1) };
}
