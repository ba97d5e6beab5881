/** The property `data` of JSON frames, to payloads and back. */
import { decodeBase64 } from './base64.ts';
import { readDataType } from './data-type.ts';
import { refused } from './frame-fields.ts';
import type { JsonFields } from './json-fields.ts';
import { JsonError, soleJsonValue } from './json-scanner.ts';
import type { Payload } from './model.ts';

/**
 * The payload of the frame that `fields` has read; JSON and unescaped text are views into it.
 * @throws ProtocolError: data is missing or not of its type.
 */
export function readPayload<Name extends string>(
  fields: JsonFields<Name | 'data' | 'dataType'>,
): Payload {
  const { data } = fields.field;
  const dataType = readDataType(fields);
  if (data.start === -1) throw refused('"data" is missing; send it, "" or {} if there is nothing');
  switch (dataType) {
    case 'json':
      if (fields.isNull(data)) throw refused('"data" is null; send another JSON value');
      return { dataType, bytes: fields.raw(data) };
    case 'text':
      return { dataType, bytes: fields.utf8(data) };
    case 'binary':
    case 'protobuf': {
      const bytes = decodeBase64(fields.utf8(data));
      if (bytes !== undefined) return { dataType, bytes };
      const got = fields.shownValue(data);
      throw refused(`"data" of dataType "${dataType}" must be padded base64, got ${got}`);
    }
  }
}

/**
 * JSON that came as a text of its own, without the white space around it: a view. It is checked to
 * be exactly one value, because it is spliced into the JSON frames of other receivers.
 * @throws ProtocolError: it is not, or it is null.
 */
export function soleJsonPayload(text: Uint8Array, depthMax: number): Uint8Array {
  try {
    const value = soleJsonValue(text, depthMax);
    // Only the literal null begins with n.
    if (value[0] !== 0x6e) return value;
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    const rule = `of dataType "json" must be one JSON value, at most ${depthMax} deep`;
    throw refused(`"data" ${rule}: ${error.message}`, { cause: error });
  }
  throw refused('"data" is null; send another JSON value');
}

/** The payload as a JSON value in UTF-8; JSON payloads come back as they are. */
export function jsonBytesOf(payload: Payload): Uint8Array {
  const { dataType, bytes } = payload;
  switch (dataType) {
    case 'json':
      return bytes;
    case 'text':
      return Buffer.from(JSON.stringify(asBuffer(bytes).toString('utf8')), 'utf8');
    case 'binary':
    case 'protobuf':
      return Buffer.from(`"${asBuffer(bytes).toString('base64')}"`, 'latin1');
  }
}

/** True: the text needs no escaping between the quotes of a JSON string. */
export function isPlainText(bytes: Uint8Array): boolean {
  const { length } = bytes;
  let index = 0;
  while (index < length && isPlain[bytes[index] ?? 0] === 1) index++;
  return index === length;
}

/** ASCII but controls, quote and backslash; anything beyond ASCII goes through a decoder. */
const isPlain = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= 0x20 && byte < 0x80 && byte !== 0x22 && byte !== 0x5c ? 1 : 0,
);

/** The same memory as a Buffer. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
