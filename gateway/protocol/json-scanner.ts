/**
 * A validating scanner over the UTF-8 bytes of JSON: finds where values end without building them.
 * It accepts exactly what `JSON.parse` accepts after a strict UTF-8 decoding, up to a depth. A slice
 * that it has measured can be spliced into another frame: it is one JSON value and nothing else.
 */

/** The bytes are not the JSON that was asked for. `message` says what is wrong and where. */
export class JsonError extends Error {
  override readonly name = 'JsonError';
  /** Index of the offending byte, from the beginning of the scanned bytes. */
  readonly offset: number;

  constructor(problem: string, offset: number) {
    super(`${problem} at byte ${offset}`);
    this.offset = offset;
  }
}

/** Is told the members of an object in their order. Keys come without their quotes, still escaped. */
export interface MemberVisitor {
  onMember(keyStart: number, keyEnd: number, valueStart: number, valueEnd: number): void;
}

const quote = 0x22;
const comma = 0x2c;
const colon = 0x3a;
const backslash = 0x5c;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;

/** Bytes that stand for themselves inside a string: ASCII but controls, quote and backslash. */
const isPlain = tableOf(/^[ !#-[\]-\x7f]$/);
const isSpace = tableOf(/^[ \t\n\r]$/);
const isDigit = tableOf(/^[0-9]$/);
const isHexDigit = tableOf(/^[0-9a-fA-F]$/);
const isShortEscape = tableOf(/^["\\/bfnrt]$/);

const literals = { true: bytesOf('true'), false: bytesOf('false'), null: bytesOf('null') };

/**
 * Checks that `bytes` are one JSON value with optional white space around it.
 * @returns the value without the white space, a view.
 * @throws JsonError
 */
export function soleJsonValue(bytes: Uint8Array, depthMax: number): Uint8Array {
  const start = skipSpace(bytes, 0);
  const end = scanValue(bytes, start, depthMax);
  expectEnd(bytes, end);
  return start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end);
}

/**
 * Checks that `bytes` are one JSON object with optional white space around it, and tells `visitor`
 * its members.
 * @throws JsonError, possibly after members were told.
 */
export function scanSoleObject(bytes: Uint8Array, depthMax: number, visitor: MemberVisitor): void {
  expectEnd(bytes, scanNextObject(bytes, 0, depthMax, visitor));
}

/**
 * Measures the object that begins at `start`, white space in front of it included, and tells
 * `visitor` its members.
 * @returns the index after its closing brace.
 * @throws JsonError, possibly after members were told.
 */
export function scanNextObject(
  bytes: Uint8Array,
  start: number,
  depthMax: number,
  visitor: MemberVisitor,
): number {
  const first = skipSpace(bytes, start);
  if (at(bytes, first) !== openBrace) throw unexpected('an object', bytes, first);
  return scanObject(bytes, first, depthMax, visitor);
}

/**
 * Measures the value that begins exactly at `start`; `depthLeft` is how many containers may still
 * be opened.
 * @returns the index after its last byte.
 * @throws JsonError
 */
export function scanValue(bytes: Uint8Array, start: number, depthLeft: number): number {
  switch (at(bytes, start)) {
    case quote:
      return scanString(bytes, start);
    case openBrace:
      return scanObject(bytes, start, depthLeft, undefined);
    case openBracket:
      return scanArray(bytes, start, depthLeft, undefined);
    case 0x74:
      return scanLiteral(bytes, start, literals.true);
    case 0x66:
      return scanLiteral(bytes, start, literals.false);
    case 0x6e:
      return scanLiteral(bytes, start, literals.null);
    default:
      return scanNumber(bytes, start);
  }
}

/**
 * Measures the object whose opening brace is at `start`.
 * @returns the index after its closing brace.
 * @throws JsonError, possibly after members were told.
 */
export function scanObject(
  bytes: Uint8Array,
  start: number,
  depthLeft: number,
  visitor: MemberVisitor | undefined,
): number {
  if (depthLeft < 1) throw new JsonError('nested too deeply', start);
  let index = skipSpace(bytes, start + 1);
  if (at(bytes, index) === closeBrace) return index + 1;
  for (;;) {
    if (at(bytes, index) !== quote) throw unexpected('a property name', bytes, index);
    const keyStart = index + 1;
    index = scanString(bytes, index);
    const keyEnd = index - 1;
    index = skipSpace(bytes, index);
    if (at(bytes, index) !== colon) throw unexpected("':'", bytes, index);
    const valueStart = skipSpace(bytes, index + 1);
    index = scanValue(bytes, valueStart, depthLeft - 1);
    visitor?.onMember(keyStart, keyEnd, valueStart, index);
    index = skipSpace(bytes, index);
    const delimiter = at(bytes, index);
    if (delimiter === closeBrace) return index + 1;
    if (delimiter !== comma) throw unexpected("',' or '}'", bytes, index);
    index = skipSpace(bytes, index + 1);
  }
}

/**
 * Measures the array whose opening bracket is at `start`, and tells its items in their order.
 * @returns the index after its closing bracket.
 * @throws JsonError, possibly after items were told.
 */
export function scanArray(
  bytes: Uint8Array,
  start: number,
  depthLeft: number,
  onItem: ((start: number, end: number) => void) | undefined,
): number {
  if (depthLeft < 1) throw new JsonError('nested too deeply', start);
  let index = skipSpace(bytes, start + 1);
  if (at(bytes, index) === closeBracket) return index + 1;
  for (;;) {
    const end = scanValue(bytes, index, depthLeft - 1);
    onItem?.(index, end);
    index = skipSpace(bytes, end);
    const delimiter = at(bytes, index);
    if (delimiter === closeBracket) return index + 1;
    if (delimiter !== comma) throw unexpected("',' or ']'", bytes, index);
    index = skipSpace(bytes, index + 1);
  }
}

/** Measures the string whose opening quote is at `start`, its UTF-8 included. */
function scanString(bytes: Uint8Array, start: number): number {
  const { length } = bytes;
  let index = start + 1;
  for (;;) {
    // The explicit bound keeps every read inside the array: twice as fast on long strings.
    while (index < length && isPlain[bytes[index] ?? 0] === 1) index++;
    const byte = at(bytes, index);
    if (byte === quote) return index + 1;
    index = byte === backslash ? scanEscape(bytes, index) : scanMultiByte(bytes, index);
  }
}

function scanEscape(bytes: Uint8Array, start: number): number {
  const escaped = at(bytes, start + 1);
  if (isShortEscape[escaped] === 1) return start + 2;
  if (escaped === 0x75) {
    for (let index = start + 2; ; index++) {
      if (index === start + 6) return index;
      if (isHexDigit[at(bytes, index)] !== 1) break;
    }
  }
  throw new JsonError('invalid escape in a string', start);
}

/** One character of two to four bytes, in its shortest form and not a surrogate (RFC 3629 §4). */
function scanMultiByte(bytes: Uint8Array, start: number): number {
  const lead = at(bytes, start);
  const second = at(bytes, start + 1);
  if (lead >= 0xc2 && lead <= 0xdf && isContinuation(second)) return start + 2;
  if (lead >= 0xe0 && lead <= 0xef) {
    const low = lead === 0xe0 ? 0xa0 : 0x80;
    const high = lead === 0xed ? 0x9f : 0xbf;
    const isGood = second >= low && second <= high && isContinuation(at(bytes, start + 2));
    if (isGood) return start + 3;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    const low = lead === 0xf0 ? 0x90 : 0x80;
    const high = lead === 0xf4 ? 0x8f : 0xbf;
    const isTail = isContinuation(at(bytes, start + 2)) && isContinuation(at(bytes, start + 3));
    if (second >= low && second <= high && isTail) return start + 4;
  }
  if (start >= bytes.length) throw new JsonError('the text ends inside a string', start);
  if (lead < 0x20) throw new JsonError('unescaped control character in a string', start);
  throw new JsonError('invalid UTF-8', start);
}

function isContinuation(byte: number): boolean {
  return (byte & 0xc0) === 0x80;
}

function scanNumber(bytes: Uint8Array, start: number): number {
  let index = start;
  if (at(bytes, index) === 0x2d) index++;
  // A leading zero stands alone: 01 is not a number in JSON.
  if (at(bytes, index) === 0x30) index++;
  else index = scanDigits(bytes, index);
  if (at(bytes, index) === 0x2e) index = scanDigits(bytes, index + 1);
  const exponent = at(bytes, index);
  if (exponent === 0x65 || exponent === 0x45) {
    index++;
    const sign = at(bytes, index);
    if (sign === 0x2b || sign === 0x2d) index++;
    index = scanDigits(bytes, index);
  }
  return index;
}

/** At least one digit. */
function scanDigits(bytes: Uint8Array, start: number): number {
  let index = start;
  while (isDigit[at(bytes, index)] === 1) index++;
  if (index === start) throw unexpected('a value', bytes, index);
  return index;
}

function scanLiteral(bytes: Uint8Array, start: number, literal: Uint8Array): number {
  for (let index = 1; index < literal.length; index++) {
    if (at(bytes, start + index) !== literal[index]) throw unexpected('a value', bytes, start);
  }
  return start + literal.length;
}

/** The index of the first byte from `start` on that is no white space; the length: there is none. */
export function skipSpace(bytes: Uint8Array, start: number): number {
  let index = start;
  while (isSpace[at(bytes, index)] === 1) index++;
  return index;
}

/** Past the end it reads NUL, which JSON allows nowhere: every end is met as a wrong byte. */
function at(bytes: Uint8Array, index: number): number {
  return bytes[index] ?? 0;
}

function expectEnd(bytes: Uint8Array, end: number): void {
  const index = skipSpace(bytes, end);
  if (index !== bytes.length) throw unexpected('the end', bytes, index);
}

function unexpected(expected: string, bytes: Uint8Array, index: number): JsonError {
  const byte = bytes[index];
  if (byte === undefined) return new JsonError(`expected ${expected}, the text ends`, index);
  const isVisible = byte > 0x20 && byte < 0x7f;
  const found = isVisible
    ? JSON.stringify(String.fromCharCode(byte))
    : `0x${byte.toString(16).padStart(2, '0')}`;
  return new JsonError(`expected ${expected}, found ${found}`, index);
}

/** 1 for every byte that matches, read as Latin-1. */
function tableOf(pattern: RegExp): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) =>
    pattern.test(String.fromCharCode(byte)) ? 1 : 0,
  );
}

function bytesOf(ascii: string): Uint8Array {
  return Uint8Array.from(ascii, (character) => character.charCodeAt(0));
}
