/**
 * Reads the known properties of one MessagePack map out of its bytes, without building the map.
 * Unknown properties are skipped; a known one that appears twice is refused.
 */
import { isUtf8 } from 'node:buffer';
import type { NestableFields } from './command-frame.ts';
import type { ProtocolError } from './codec.ts';
import { FieldIndex, place } from './field-index.ts';
import type { FrameField } from './frame-fields.ts';
import { refused } from './frame-fields.ts';
import type { MemberVisitor } from './json-scanner.ts';
import type { ClientId64 } from './model.ts';
import { readInteger } from './msgpack-integer.ts';
import type { MsgpackHeader } from './msgpack-scanner.ts';
import { MsgpackError, readHeader, scanMap } from './msgpack-scanner.ts';
import { shown } from './shown.ts';

const noBytes = Buffer.alloc(0);
const nil = 0xc0;
const isTrue = 0xc3;

/** One per shape of map; its state is that of the last read. */
export class MsgpackFields<Name extends string> implements NestableFields<Name>, MemberVisitor {
  readonly field: Readonly<Record<Name, FrameField>>;
  readonly #index: FieldIndex<Name>;
  readonly #depthMax: number;
  #bytes: Buffer = noBytes;

  /** @param depthMax deepest nesting, the map itself included. */
  constructor(names: readonly Name[], depthMax: number) {
    this.#depthMax = depthMax;
    this.#index = new FieldIndex(names);
    this.field = this.#index.field;
  }

  get bytes(): Buffer {
    return this.#bytes;
  }

  /**
   * Reads the map that begins at `start`.
   * @returns the index after its last byte.
   * @throws ProtocolError
   */
  readNext(bytes: Buffer, start: number): number {
    this.#reset(bytes);
    try {
      return scanMap(bytes, start, this.#depthMax, this);
    } catch (error) {
      if (!(error instanceof MsgpackError)) throw error;
      const message = `${error.message}; a frame is MessagePack maps, at most ${this.#depthMax} deep`;
      throw refused(message, { cause: error });
    }
  }

  readNested(bytes: Buffer, parent: FrameField): void {
    this.#reset(bytes);
    this.#visitMembers(parent, this);
  }

  /** Lets go of the bytes that were read. */
  release(): void {
    this.#bytes = noBytes;
  }

  onMember(keyStart: number, keyEnd: number, valueStart: number, valueEnd: number): void {
    const field = this.#index.find(this.#bytes, keyStart, keyEnd);
    if (field !== undefined) place(field, valueStart, valueEnd);
  }

  isPresent(field: FrameField): boolean {
    return field.start !== -1 && this.#bytes[field.start] !== nil;
  }

  /** For messages: what the value is. */
  shownValue(field: FrameField): string {
    if (field.start === -1) return 'nothing';
    const { kind, length } = readHeader(this.#bytes, field.start);
    return kind === 'string' || kind === 'binary' ? `${kind} of ${length} bytes` : kind;
  }

  /**
   * The bytes of a string or of binary, a view into the frame. Strings are valid UTF-8.
   * @throws ProtocolError: it is missing, or something else.
   */
  content(field: FrameField, kind: 'string' | 'binary'): Buffer {
    if (field.start === -1) throw refused(`"${field.name}" is missing; it must be ${nouns[kind]}`);
    const header = readHeader(this.#bytes, field.start);
    if (header.kind !== kind) {
      throw refused(`"${field.name}" must be ${nouns[kind]}, got ${this.shownValue(field)}`);
    }
    const content = this.#view(header);
    if (kind === 'binary' || isUtf8(content)) return content;
    throw refused(`"${field.name}" must be valid UTF-8`);
  }

  text(field: FrameField): string {
    return this.content(field, 'string').toString('utf8');
  }

  optionalText(field: FrameField): string | undefined {
    return this.isPresent(field) ? this.text(field) : undefined;
  }

  optionalBoolean(field: FrameField): boolean {
    if (!this.isPresent(field)) return false;
    if (readHeader(this.#bytes, field.start).kind === 'boolean') {
      return this.#bytes[field.start] === isTrue;
    }
    throw refused(`"${field.name}" must be true or false, got ${this.shownValue(field)}`);
  }

  optionalUint64(field: FrameField): ClientId64 | undefined {
    if (!this.isPresent(field)) return undefined;
    const value = readInteger(this.#bytes, field.start);
    if (value !== undefined && value >= 0) return value;
    throw this.#notInteger(field, '0 to 2^64-1');
  }

  optionalInteger(field: FrameField, min: number, max: number): number | undefined {
    if (!this.isPresent(field)) return undefined;
    const value = readInteger(this.#bytes, field.start);
    if (typeof value === 'number' && value >= min && value <= max) return value;
    throw this.#notInteger(field, `${min} to ${max}`);
  }

  stringMembers(field: FrameField): [key: string, value: string][] {
    const pairs: [string, string][] = [];
    this.#visitMembers(field, {
      onMember: (keyStart, keyEnd, valueStart) => {
        const key = this.#bytes.toString('utf8', keyStart, keyEnd);
        const header = readHeader(this.#bytes, valueStart);
        if (header.kind !== 'string') {
          throw refused(`"${field.name}" value of ${shown(key)} must be a string`);
        }
        // What is not ASCII is refused by the rules of metadata, so is what is no UTF-8.
        pairs.push([key, this.#view(header).toString('utf8')]);
      },
    });
    return pairs;
  }

  #view({ value, length }: MsgpackHeader): Buffer {
    return this.#bytes.subarray(value, value + length);
  }

  #visitMembers(field: FrameField, visitor: MemberVisitor): void {
    try {
      scanMap(this.#bytes, field.start, this.#depthMax, visitor);
    } catch (error) {
      if (!(error instanceof MsgpackError)) throw error;
      throw refused(`"${field.name}" must be a map: ${error.message}`, { cause: error });
    }
  }

  #reset(bytes: Buffer): void {
    this.#bytes = bytes;
    this.#index.reset();
  }

  #notInteger(field: FrameField, range: string): ProtocolError {
    const value = readInteger(this.#bytes, field.start);
    const got = value === undefined ? this.shownValue(field) : String(value);
    return refused(`"${field.name}" must be an integer from ${range}, got ${got}`);
  }
}

const nouns = { string: 'a string', binary: 'binary' } as const;
