/**
 * Reads the known fields of one protobuf message out of its bytes, under the names that they have
 * in frames of JSON. Unknown fields are skipped. Of a number or a text that is there twice the last
 * one counts, as in every reader of proto3; a message that is there twice is refused, because some
 * readers merge the two and others do not.
 */
import { isUtf8 } from 'node:buffer';
import { WireType } from '@bufbuild/protobuf/wire';
import type { ProtocolError } from './codec.ts';
import { FieldIndex, place } from './field-index.ts';
import type { FrameField, FrameFields } from './frame-fields.ts';
import { refused } from './frame-fields.ts';
import type { ClientId64 } from './model.ts';
import type { FieldVisitor, ProtobufSource } from './protobuf-scanner.ts';
import { ProtobufError, protobufSource, scanMessage } from './protobuf-scanner.ts';

/** `entries`: a map, each of whose entries is a message of its own. */
type FieldKind = 'text' | 'integer' | 'message' | 'entries';

/** The fields of a kind of message, by number. */
export type MessageShape<Name extends string> = ReadonlyMap<
  number,
  readonly [name: Name, kind: FieldKind]
>;

const nothing = protobufSource(Buffer.alloc(0));

const entryShape: MessageShape<'key' | 'value'> = new Map([
  [1, ['key', 'text']],
  [2, ['value', 'text']],
]);

/** Of any shape whose names are among its own; its state is that of the last `read`. */
export class ProtobufFields<Name extends string> implements FrameFields<Name>, FieldVisitor {
  readonly field: Readonly<Record<Name, FrameField>>;
  readonly #index: FieldIndex<Name>;
  #source = nothing;
  #shape: MessageShape<Name> = new Map();
  #start = 0;
  #end = 0;

  constructor(names: readonly Name[]) {
    this.#index = new FieldIndex(names);
    this.field = this.#index.field;
  }

  /**
   * Reads the message that is the content of `range` in `source`.
   * @throws ProtocolError
   */
  read(
    source: ProtobufSource,
    { start, end }: { readonly start: number; readonly end: number },
    shape: MessageShape<Name>,
  ): void {
    this.#source = source;
    this.#shape = shape;
    this.#start = start;
    this.#end = end;
    this.#index.reset();
    scan(source, this.#start, this.#end, this);
  }

  /** Lets go of the bytes that were read. */
  release(): void {
    this.#source = nothing;
  }

  onField(number: number, wireType: WireType, start: number, end: number): void {
    const known = this.#shape.get(number);
    if (known === undefined) return;
    const [name, kind] = known;
    expectWireType(name, wireType, kind === 'integer' ? WireType.Varint : WireType.LengthDelimited);
    const field = this.field[name];
    if (kind === 'message') return place(field, start, end);
    field.start = start;
    field.end = end;
    return undefined;
  }

  isPresent(field: FrameField): boolean {
    return field.start !== -1;
  }

  text(field: FrameField): string {
    if (field.start === -1) throw refused(`"${field.name}" is missing; it must be a string`);
    return utf8Content(this.#source, field, field.name).toString('utf8');
  }

  optionalText(field: FrameField): string | undefined {
    return this.isPresent(field) ? this.text(field) : undefined;
  }

  optionalBoolean(field: FrameField): boolean {
    return this.isPresent(field) && this.#integer(field) !== 0;
  }

  optionalUint64(field: FrameField): ClientId64 | undefined {
    return this.isPresent(field) ? this.#integer(field) : undefined;
  }

  optionalInteger(field: FrameField, min: number, max: number): number | undefined {
    if (!this.isPresent(field)) return undefined;
    const value = this.#integer(field);
    if (typeof value === 'number' && value >= min && value <= max) return value;
    throw refused(`"${field.name}" must be an integer from ${min} to ${max}, got ${value}`);
  }

  /** The entries of the map; a key or a value that is missing is empty, as proto3 has it. */
  stringMembers(field: FrameField): [key: string, value: string][] {
    const pairs: [string, string][] = [];
    const entry = new ProtobufFields<'key' | 'value'>(['key', 'value']);
    const { key, value } = entry.field;
    const source = this.#source;
    scan(source, this.#start, this.#end, {
      onField: (number, _wireType, start, end) => {
        if (this.#shape.get(number)?.[0] !== field.name) return;
        entry.read(source, { start, end }, entryShape);
        pairs.push([entry.optionalText(key) ?? '', entry.optionalText(value) ?? '']);
      },
    });
    return pairs;
  }

  #integer(field: FrameField): ClientId64 {
    const { bytes, reader } = this.#source;
    const { start, end } = field;
    if (end - start === 1) return bytes[start] ?? 0;
    // The library drops what is above the 64th bit.
    if (end - start === 10 && (bytes[end - 1] ?? 0) > 1) throw tooLarge(field);
    reader.pos = start;
    const value = BigInt(reader.uint64());
    return value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
  }
}

/**
 * The content of a field of text, a view.
 * @throws ProtocolError: it is not valid UTF-8.
 */
export function utf8Content(
  { bytes }: ProtobufSource,
  { start, end }: { readonly start: number; readonly end: number },
  name: string,
): Buffer {
  const content = bytes.subarray(start, end);
  if (isUtf8(content)) return content;
  throw refused(`"${name}" must be valid UTF-8`);
}

/** @throws ProtocolError */
export function expectWireType(name: string, wireType: WireType, expected: WireType): void {
  if (wireType === expected) return;
  throw refused(`"${name}" must have wire type ${expected}, got ${wireType}`);
}

/**
 * `scanMessage` of what a client sent.
 * @throws ProtocolError
 */
export function scan(
  source: ProtobufSource,
  start: number,
  end: number,
  visitor: FieldVisitor,
): void {
  try {
    scanMessage(source, start, end, visitor);
  } catch (error) {
    if (!(error instanceof ProtobufError)) throw error;
    throw refused(`a frame is one protobuf message, but ${error.message}`, { cause: error });
  }
}

function tooLarge(field: FrameField): ProtocolError {
  return refused(`"${field.name}" must be an integer from 0 to 2^64-1, got more`);
}
