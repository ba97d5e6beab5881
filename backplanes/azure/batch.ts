/**
 * Packs envelopes with their keys into the payload of one message, and takes them out again:
 * a version byte, then per envelope u16 key length, key, u32 length, bytes (big-endian).
 */

export interface KeyedEnvelope {
  readonly key: string;
  readonly bytes: Uint8Array;
}

const version = 1;
const keyLengthBytes = 2;
const lengthBytes = 4;
/** What a batch has before its first envelope. */
export const batchHeadBytes = 1;

/** Bytes that an envelope takes in a batch. */
export function packedBytes(keyBytes: number, envelopeBytes: number): number {
  return keyLengthBytes + keyBytes + lengthBytes + envelopeBytes;
}

/** Each key takes at most 65,535 bytes. */
export function packBatch(items: readonly KeyedEnvelope[]): Buffer {
  const size = items.reduce(
    (sum, { key, bytes }) => sum + packedBytes(Buffer.byteLength(key), bytes.length),
    batchHeadBytes,
  );
  const packed = Buffer.allocUnsafe(size);
  let offset = packed.writeUInt8(version, 0);
  for (const { key, bytes } of items) {
    const keyBytes = packed.write(key, offset + keyLengthBytes, 'utf8');
    offset = packed.writeUInt16BE(keyBytes, offset) + keyBytes;
    offset = packed.writeUInt32BE(bytes.length, offset);
    packed.set(bytes, offset);
    offset += bytes.length;
  }
  return packed;
}

/**
 * The envelopes in their order, as views into `packed`; undefined when it is no batch of a version
 * that is known here, so that nothing of a damaged one is delivered.
 */
export function unpackBatch(packed: Buffer): readonly KeyedEnvelope[] | undefined {
  if (packed[0] !== version) return undefined;
  const items: KeyedEnvelope[] = [];
  let offset = batchHeadBytes;
  while (offset < packed.length) {
    if (offset + keyLengthBytes > packed.length) return undefined;
    const keyStart = offset + keyLengthBytes;
    const keyEnd = keyStart + packed.readUInt16BE(offset);
    if (keyEnd + lengthBytes > packed.length) return undefined;
    const start = keyEnd + lengthBytes;
    const end = start + packed.readUInt32BE(keyEnd);
    if (end > packed.length) return undefined;
    items.push({
      key: packed.toString('utf8', keyStart, keyEnd),
      bytes: packed.subarray(start, end),
    });
    offset = end;
  }
  return items;
}
