/**
 * A publication's envelope together with its place in a stream: how a retained publication travels
 * live, and how some stores keep it. A fixed header that a broker's script can write, then the epoch
 * and the envelope.
 *
 * Layout, version 1, little endian:
 * ```
 *  0 u8  version = 1     1 u8  type = 3     2 u8  flags (1: prev is known)     3 u8  epoch length
 *  4 u32 tag             8 u64 offset      16 u64 prev                        24 u64 stored at (ms)
 * 32 epoch | envelope
 * ```
 */
import { asBuffer, envelopeTypes, envelopeVersion, EnvelopeError } from './envelope.ts';
import type { StreamEntry } from './stream-store.ts';

export const storedHeaderBytes = 32;
const prevIsKnown = 1;
const wordRange = 2 ** 32;

/** 32 bits of FNV-1a over the id's UTF-16 units, never 0: 0 says that there is no publication. */
export function publicationTag(id: string): number {
  let hash = 0x811c_9dc5;
  for (let index = 0; index < id.length; index += 1) {
    hash = Math.imul(hash ^ id.charCodeAt(index), 0x0100_0193);
  }
  return hash >>> 0 || 1;
}

/** True: the bytes are a stored envelope, not a bare one. */
export function isStoredEnvelope(bytes: Uint8Array): boolean {
  return bytes[0] === envelopeVersion && bytes[1] === envelopeTypes.stored;
}

/** Bytes of its own. @throws EnvelopeError when the epoch is longer than 255 bytes. */
export function encodeStoredEnvelope(entry: StreamEntry): Buffer {
  const epochLength = Buffer.byteLength(entry.epoch);
  if (epochLength > 0xff) throw new EnvelopeError(`Epoch of ${epochLength} bytes is over 255`);
  const bytes = Buffer.allocUnsafe(storedHeaderBytes + epochLength + entry.bytes.length);
  bytes[0] = envelopeVersion;
  bytes[1] = envelopeTypes.stored;
  bytes[2] = entry.prev === undefined ? 0 : prevIsKnown;
  bytes[3] = epochLength;
  bytes.writeUInt32LE(entry.tag, 4);
  writeU64(bytes, entry.offset, 8);
  writeU64(bytes, entry.prev ?? 0, 16);
  writeU64(bytes, entry.storedAtMs, 24);
  bytes.write(entry.epoch, storedHeaderBytes);
  bytes.set(entry.bytes, storedHeaderBytes + epochLength);
  return bytes;
}

/** The entry; its `bytes` are a view. @throws EnvelopeError when the bytes are none. */
export function decodeStoredEnvelope(source: Uint8Array): StreamEntry {
  const bytes = asBuffer(source);
  if (!isStoredEnvelope(bytes) || bytes.length < storedHeaderBytes) {
    throw new EnvelopeError(`${bytes.length} bytes are no stored envelope of this version`);
  }
  const epochEnd = storedHeaderBytes + bytes.readUInt8(3);
  if (bytes.length < epochEnd) {
    throw new EnvelopeError(`Stored envelope of ${bytes.length} bytes does not match its header`);
  }
  return {
    epoch: bytes.toString('latin1', storedHeaderBytes, epochEnd),
    offset: readU64(bytes, 8),
    prev: (bytes.readUInt8(2) & prevIsKnown) === 0 ? undefined : readU64(bytes, 16),
    tag: bytes.readUInt32LE(4),
    storedAtMs: readU64(bytes, 24),
    bytes: bytes.subarray(epochEnd),
  };
}

function writeU64(bytes: Buffer, value: number, at: number): void {
  bytes.writeUInt32LE(value % wordRange, at);
  bytes.writeUInt32LE(Math.floor(value / wordRange), at + 4);
}

function readU64(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) * wordRange;
}
