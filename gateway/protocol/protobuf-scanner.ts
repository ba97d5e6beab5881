/**
 * Walks over the fields of protobuf messages without building them. Lengths are held to the
 * message that they are in; what is skipped is measured, so nothing hides behind it.
 */
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';

/** The bytes are no protobuf message. */
export class ProtobufError extends Error {
  override readonly name = 'ProtobufError';
}

/** Bytes that are being read; ranges of messages and fields are places in them. */
export interface ProtobufSource {
  readonly bytes: Buffer;
  readonly reader: BinaryReader;
}

/** Is told the fields of a message in their order. */
export interface FieldVisitor {
  /** From `start` to `end` lies a varint, or the content of what has a length. */
  onField(number: number, wireType: WireType, start: number, end: number): void;
}

export function protobufSource(bytes: Buffer): ProtobufSource {
  return { bytes, reader: new BinaryReader(bytes) };
}

/**
 * Tells `visitor` the fields of the message that lies from `start` to `end`.
 * @throws ProtobufError, possibly after fields were told.
 */
export function scanMessage(
  source: ProtobufSource,
  start: number,
  end: number,
  visitor: FieldVisitor,
): void {
  const { reader } = source;
  let next = start;
  while (next < end) {
    reader.pos = next;
    const [number, wireType] = readTag(source);
    const contentStart = skipValue(source, number, wireType);
    next = reader.pos;
    if (next > end) throw new ProtobufError(`field ${number} is longer than its message`);
    visitor.onField(number, wireType, contentStart, next);
  }
}

// In the two functions below only the library throws, and only for the bytes it reads.

function readTag({ reader }: ProtobufSource): [number, WireType] {
  try {
    return reader.tag();
  } catch (error) {
    throw unreadable(error);
  }
}

/** @returns where the content begins; the reader stands behind it. */
function skipValue(source: ProtobufSource, number: number, wireType: WireType): number {
  const { reader } = source;
  let start = reader.pos;
  try {
    if (wireType === WireType.LengthDelimited) {
      const length = readLength(source);
      start = reader.pos;
      reader.pos += length;
    } else if (wireType === WireType.Varint) {
      // Unlike `skip`, it refuses more than ten bytes.
      reader.uint32();
    } else {
      reader.skip(wireType, number);
    }
  } catch (error) {
    throw unreadable(error);
  }
  return start;
}

/** The library ignores the bits of a length above the 32nd: another reader might not. */
function readLength({ bytes, reader }: ProtobufSource): number {
  const start = reader.pos;
  const length = reader.uint32();
  const width = reader.pos - start;
  if (width > 5 || (width === 5 && (bytes[reader.pos - 1] ?? 0) > 0x0f)) {
    throw new ProtobufError('a length has more than 32 bits');
  }
  return length;
}

function unreadable(error: unknown): ProtobufError {
  if (error instanceof ProtobufError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new ProtobufError(message, { cause: error });
}
