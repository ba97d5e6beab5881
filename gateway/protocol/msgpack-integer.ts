/** Integers of MessagePack, in every form that encoders give them. */

const exactMax = Number.MAX_SAFE_INTEGER;

/**
 * The integer at `start`, which must lie before the end of `bytes`: a number where that is exact,
 * else a bigint. Floats count where they are exact integers: JavaScript encoders write large ones so.
 * @returns undefined: it is no integer.
 */
export function readInteger(bytes: Buffer, start: number): number | bigint | undefined {
  const first = bytes.readUInt8(start);
  if (first < 0x80) return first;
  if (first >= 0xe0) return first - 0x100;
  switch (first) {
    case 0xca:
      return exactInteger(bytes.readFloatBE(start + 1));
    case 0xcb:
      return exactInteger(bytes.readDoubleBE(start + 1));
    case 0xcc:
      return bytes.readUInt8(start + 1);
    case 0xcd:
      return bytes.readUInt16BE(start + 1);
    case 0xce:
      return bytes.readUInt32BE(start + 1);
    case 0xcf:
      return shortest(bytes.readBigUInt64BE(start + 1));
    case 0xd0:
      return bytes.readInt8(start + 1);
    case 0xd1:
      return bytes.readInt16BE(start + 1);
    case 0xd2:
      return bytes.readInt32BE(start + 1);
    case 0xd3:
      return shortest(bytes.readBigInt64BE(start + 1));
    default:
      return undefined;
  }
}

function exactInteger(value: number): number | undefined {
  // Minus zero is no integer that anybody counts with.
  return Number.isSafeInteger(value) && !Object.is(value, -0) ? value : undefined;
}

function shortest(value: bigint): number | bigint {
  return value >= -exactMax && value <= exactMax ? Number(value) : value;
}
