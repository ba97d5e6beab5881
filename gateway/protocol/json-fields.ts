/**
 * Reads the known properties of one JSON object out of its bytes, without building the object.
 * Unknown properties are skipped; a known one that appears twice is refused, because two readers
 * could disagree on which of them counts.
 */
import type { ProtocolError } from './codec.ts';
import type { NestableFields } from './command-frame.ts';
import { FieldIndex, place } from './field-index.ts';
import type { FrameField } from './frame-fields.ts';
import { refused } from './frame-fields.ts';
import type { MemberVisitor } from './json-scanner.ts';
import { JsonError, scanNextObject, scanObject, scanSoleObject } from './json-scanner.ts';
import type { ClientId64 } from './model.ts';
import { shown } from './shown.ts';

const quote = 0x22;
const backslash = 0x5c;
/** Up to this many digits a number is exact. */
const exactDigitsMax = 15;
const noBytes = Buffer.alloc(0);
const uint64Max = 2n ** 64n - 1n;

/**
 * One per shape of object; its state is that of the last `read`, so everything wanted of an object
 * is taken before the next one is read.
 */
export class JsonFields<Name extends string> implements NestableFields<Name>, MemberVisitor {
  readonly field: Readonly<Record<Name, FrameField>>;
  readonly #index: FieldIndex<Name>;
  readonly #depthMax: number;
  #bytes: Buffer = noBytes;

  /** @param depthMax deepest nesting, the object itself included. */
  constructor(names: readonly Name[], depthMax: number) {
    this.#depthMax = depthMax;
    this.#index = new FieldIndex(names);
    this.field = this.#index.field;
  }

  get bytes(): Buffer {
    return this.#bytes;
  }

  /**
   * Reads a whole frame, which must be one object.
   * @throws ProtocolError
   */
  readSole(bytes: Buffer): void {
    this.#reset(bytes);
    try {
      scanSoleObject(bytes, this.#depthMax, this);
    } catch (error) {
      throw this.#refusal(error, 'a frame is one JSON object');
    }
  }

  /**
   * Reads the object that begins at `start`, white space in front of it included.
   * @returns the index after its last byte.
   * @throws ProtocolError
   */
  readNext(bytes: Buffer, start: number): number {
    this.#reset(bytes);
    try {
      return scanNextObject(bytes, start, this.#depthMax, this);
    } catch (error) {
      throw this.#refusal(error, 'a frame is JSON objects, each on a line of its own');
    }
  }

  /**
   * Reads the object that is the value of `parent` in `bytes`, which were scanned before.
   * @throws ProtocolError: it is not an object.
   */
  readNested(bytes: Buffer, parent: FrameField): void {
    this.#reset(bytes);
    this.#visitMembers(parent, this);
  }

  /** Lets go of the bytes that were read. */
  release(): void {
    this.#bytes = noBytes;
  }

  onMember(keyStart: number, keyEnd: number, valueStart: number, valueEnd: number): void {
    const field = this.#find(keyStart, keyEnd);
    if (field !== undefined) place(field, valueStart, valueEnd);
  }

  /** False: the property is missing or null. */
  isPresent(field: FrameField): boolean {
    return field.start !== -1 && !this.isNull(field);
  }

  isNull(field: FrameField): boolean {
    // Only the literal null begins with n.
    return this.#bytes[field.start] === 0x6e;
  }

  isString(field: FrameField): boolean {
    return this.#bytes[field.start] === quote;
  }

  /** The value as it was sent, a view into the frame. */
  raw(field: FrameField): Uint8Array {
    return this.#bytes.subarray(field.start, field.end);
  }

  /** For messages: the beginning of the value as it was sent. */
  shownValue(field: FrameField): string {
    if (field.start === -1) return 'nothing';
    const text = this.#bytes.toString('utf8', field.start, Math.min(field.end, field.start + 64));
    return shown(text);
  }

  /**
   * The string's content in UTF-8, a view into the frame where it has no escapes. A lone surrogate
   * becomes U+FFFD: UTF-8 cannot carry it.
   * @throws ProtocolError: it is missing or not a string.
   */
  utf8(field: FrameField): Uint8Array {
    const { start, end } = this.#string(field);
    const content = this.#bytes.subarray(start + 1, end - 1);
    if (!content.includes(backslash)) return content;
    return Buffer.from(this.#unescaped(start, end), 'utf8');
  }

  /**
   * The string as it was sent, lone surrogates included: the rules for names refuse those, where
   * U+FFFD in their place would make one name of two.
   * @throws ProtocolError: it is missing or not a string.
   */
  text(field: FrameField): string {
    const { start, end } = this.#string(field);
    if (!this.#hasEscape(start, end)) return this.#bytes.toString('utf8', start + 1, end - 1);
    return this.#unescaped(start, end);
  }

  /**
   * Text that is no name: a lone surrogate becomes U+FFFD, as in `utf8`.
   * @throws ProtocolError: it is there and not a string.
   */
  optionalText(field: FrameField): string | undefined {
    return this.isPresent(field) ? this.text(field).toWellFormed() : undefined;
  }

  /** @throws ProtocolError: it is there and neither true nor false. */
  optionalBoolean(field: FrameField): boolean {
    if (!this.isPresent(field)) return false;
    const first = this.#bytes[field.start];
    if (first === 0x74) return true;
    if (first === 0x66) return false;
    throw refused(`"${field.name}" must be true or false, got ${this.shownValue(field)}`);
  }

  /** @throws ProtocolError: it is there and not an unsigned 64-bit integer in plain digits. */
  optionalUint64(field: FrameField): ClientId64 | undefined {
    if (!this.isPresent(field)) return undefined;
    const { start, end } = field;
    let value = 0;
    for (let index = start; index < end; index++) {
      const digit = (this.#bytes[index] ?? 0) - 0x30;
      if (digit < 0 || digit > 9) throw this.#notUint64(field);
      value = value * 10 + digit;
    }
    if (end - start <= exactDigitsMax) return value;
    if (end - start > 20) throw this.#notUint64(field);
    const exact = BigInt(this.#bytes.toString('latin1', start, end));
    if (exact > uint64Max) throw this.#notUint64(field);
    return exact <= Number.MAX_SAFE_INTEGER ? Number(exact) : exact;
  }

  /** @throws ProtocolError: it is there and not an integer from `min` to `max`. */
  optionalInteger(field: FrameField, min: number, max: number): number | undefined {
    if (!this.isPresent(field)) return undefined;
    // A fraction, an exponent or a sign is no digit: what is left are plain integers.
    const digits = this.#bytes.toString(
      'latin1',
      field.start,
      Math.min(field.end, field.start + 17),
    );
    const value = /^[0-9]{1,16}$/.test(digits) ? Number(digits) : -1;
    if (value >= min && value <= max) return value;
    const got = this.shownValue(field);
    throw refused(`"${field.name}" must be an integer from ${min} to ${max}, got ${got}`);
  }

  /**
   * The members of the object that is the value of `field`, all of which must be strings.
   * @throws ProtocolError
   */
  stringMembers(field: FrameField): [key: string, value: string][] {
    const pairs: [string, string][] = [];
    this.#visitMembers(field, {
      onMember: (keyStart, keyEnd, valueStart, valueEnd) => {
        const key = this.#unescaped(keyStart - 1, keyEnd + 1);
        if (this.#bytes[valueStart] !== quote) {
          throw refused(`"${field.name}" value of ${shown(key)} must be a string`);
        }
        pairs.push([key, this.#unescaped(valueStart, valueEnd)]);
      },
    });
    return pairs;
  }

  #visitMembers(field: FrameField, visitor: MemberVisitor): void {
    if (this.#bytes[field.start] !== 0x7b) {
      throw refused(`"${field.name}" must be an object, got ${this.shownValue(field)}`);
    }
    scanObject(this.#bytes, field.start, this.#depthMax, visitor);
  }

  #reset(bytes: Buffer): void {
    this.#bytes = bytes;
    this.#index.reset();
  }

  #find(keyStart: number, keyEnd: number): FrameField | undefined {
    const found = this.#index.find(this.#bytes, keyStart, keyEnd);
    if (found !== undefined || !this.#hasEscape(keyStart, keyEnd)) return found;
    const key = Buffer.from(this.#unescaped(keyStart - 1, keyEnd + 1), 'utf8');
    return this.#index.find(key, 0, key.length);
  }

  #string(field: FrameField): FrameField {
    if (this.isString(field)) return field;
    if (field.start === -1) throw refused(`"${field.name}" is missing; it must be a string`);
    throw refused(`"${field.name}" must be a string, got ${this.shownValue(field)}`);
  }

  #hasEscape(start: number, end: number): boolean {
    for (let index = start; index < end; index++) {
      if (this.#bytes[index] === backslash) return true;
    }
    return false;
  }

  /** `start` and `end` enclose the quotes. */
  #unescaped(start: number, end: number): string {
    // The scanner has seen that these bytes are one JSON string.
    return JSON.parse(this.#bytes.toString('utf8', start, end)) as string;
  }

  #notUint64(field: FrameField): ProtocolError {
    const got = this.shownValue(field);
    return refused(`"${field.name}" must be an integer from 0 to 2^64-1, got ${got}`);
  }

  #refusal(error: unknown, rule: string): unknown {
    if (!(error instanceof JsonError)) return error;
    const message = `${error.message}; ${rule} in UTF-8, at most ${this.#depthMax} deep`;
    return refused(message, { cause: error });
  }
}
