/**
 * Measures MessagePack without building what it says: walks headers, and checks every length against
 * the bytes that are left before it is used. Extension types are refused, because libraries make
 * objects of their own kinds of them.
 */
import type { MemberVisitor } from './json-scanner.ts';

/** The bytes are not the MessagePack that was asked for. `message` says what is wrong and where. */
export class MsgpackError extends Error {
  override readonly name = 'MsgpackError';

  constructor(problem: string, offset: number) {
    super(`${problem} at byte ${offset}`);
  }
}

/** What a header says; `value`: the index of what follows it. */
export interface MsgpackHeader {
  readonly kind: 'nil' | 'boolean' | 'integer' | 'float' | 'string' | 'binary' | 'array' | 'map';
  readonly value: number;
  /** Of numbers, strings and binary: bytes; of arrays: values; of maps: pairs. */
  readonly length: number;
}

/** For each first byte from 0xc0 to 0xdf: kind, bytes of the length, and the length without them. */
const headers: readonly (readonly [MsgpackHeader['kind'], number, number] | undefined)[] = [
  ['nil', 0, 0],
  undefined, // never used
  ['boolean', 0, 0],
  ['boolean', 0, 0],
  ['binary', 1, 0],
  ['binary', 2, 0],
  ['binary', 4, 0],
  undefined, // ext 8
  undefined, // ext 16
  undefined, // ext 32
  ['float', 0, 4],
  ['float', 0, 8],
  ['integer', 0, 1],
  ['integer', 0, 2],
  ['integer', 0, 4],
  ['integer', 0, 8],
  ['integer', 0, 1],
  ['integer', 0, 2],
  ['integer', 0, 4],
  ['integer', 0, 8],
  undefined, // fixext 1
  undefined, // fixext 2
  undefined, // fixext 4
  undefined, // fixext 8
  undefined, // fixext 16
  ['string', 1, 0],
  ['string', 2, 0],
  ['string', 4, 0],
  ['array', 2, 0],
  ['array', 4, 0],
  ['map', 2, 0],
  ['map', 4, 0],
];

/**
 * The header at `start`. The bytes that it announces are there: an array or map has as many bytes
 * left as it needs at the least.
 * @throws MsgpackError
 */
export function readHeader(bytes: Buffer, start: number): MsgpackHeader {
  const first = bytes[start];
  if (first === undefined) throw new MsgpackError('expected a value, the bytes end', start);
  if (first < 0x80 || first >= 0xe0) return { kind: 'integer', value: start, length: 1 };
  if (first < 0x90)
    return checked(bytes, start, { kind: 'map', value: start + 1, length: first & 0x0f });
  if (first < 0xa0)
    return checked(bytes, start, { kind: 'array', value: start + 1, length: first & 0x0f });
  if (first < 0xc0)
    return checked(bytes, start, { kind: 'string', value: start + 1, length: first & 0x1f });
  const header = headers[first - 0xc0];
  if (header === undefined) {
    throw new MsgpackError(`type 0x${first.toString(16)} is not allowed`, start);
  }
  const [kind, lengthBytes, fixed] = header;
  const value = start + 1 + lengthBytes;
  if (value > bytes.length) throw new MsgpackError('the bytes end inside a length', start);
  const length = lengthBytes === 0 ? fixed : bytes.readUIntBE(start + 1, lengthBytes);
  return checked(bytes, start, { kind, value, length });
}

/**
 * Measures the value at `start`; `depthLeft` is how many arrays and maps may still be opened.
 * @returns the index after its last byte.
 * @throws MsgpackError
 */
export function skipValue(bytes: Buffer, start: number, depthLeft: number): number {
  const { kind, value, length } = readHeader(bytes, start);
  if (kind !== 'array' && kind !== 'map') return value + length;
  if (depthLeft < 1) throw new MsgpackError('nested too deeply', start);
  let index = value;
  for (let left = kind === 'map' ? length * 2 : length; left > 0; left--) {
    index = skipValue(bytes, index, depthLeft - 1);
  }
  return index;
}

/**
 * Measures the map at `start`, whose keys must be strings, and tells `visitor` its members: the
 * key's bytes without its header, and the value with it.
 * @returns the index after its last byte.
 * @throws MsgpackError, possibly after members were told.
 */
export function scanMap(
  bytes: Buffer,
  start: number,
  depthLeft: number,
  visitor: MemberVisitor,
): number {
  const map = readHeader(bytes, start);
  if (map.kind !== 'map') throw new MsgpackError(`expected a map, found ${map.kind}`, start);
  if (depthLeft < 1) throw new MsgpackError('nested too deeply', start);
  let index = map.value;
  for (let left = map.length; left > 0; left--) {
    const key = readHeader(bytes, index);
    if (key.kind !== 'string') {
      throw new MsgpackError(`expected a string as a key, found ${key.kind}`, index);
    }
    const valueStart = key.value + key.length;
    index = skipValue(bytes, valueStart, depthLeft - 1);
    visitor.onMember(key.value, valueStart, valueStart, index);
  }
  return index;
}

function checked(bytes: Buffer, start: number, header: MsgpackHeader): MsgpackHeader {
  const { kind, value, length } = header;
  // Each member of an array takes one byte at least, and each pair of a map two.
  const bytesMin = kind === 'map' ? length * 2 : length;
  if (value + bytesMin <= bytes.length) return header;
  throw new MsgpackError(`${kind} of length ${length} goes beyond the end`, start);
}
