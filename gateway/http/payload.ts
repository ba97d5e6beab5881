/** Reads the body of a send: its content type says what it is, and the bytes must keep to it. */
import { isUtf8 } from 'node:buffer';
import { TextDecoder } from 'node:util';
import { JsonError, soleJsonValue } from '../protocol/json-scanner.ts';
import type { DataType, Payload } from '../protocol/model.ts';
import { shown } from '../protocol/shown.ts';
import type { HttpRequestWithBody } from '../transport/transport.ts';
import { InvalidArgument } from './errors.ts';

const dataTypes: ReadonlyMap<string, DataType> = new Map([
  ['application/json', 'json'],
  ['text/plain', 'text'],
  ['application/octet-stream', 'binary'],
]);

/**
 * The payload as clients get it: JSON as it was written, text in UTF-8. Without a content type it
 * is binary, as in Azure.
 * @throws InvalidArgument: 415 for another content type or charset, 400 for bytes that break it.
 */
export function readPayload(request: HttpRequestWithBody, jsonDepthMax: number): Payload {
  const { mediaType, charset } = contentTypeOf(request);
  const dataType = dataTypes.get(mediaType);
  if (dataType === undefined) {
    const accepted = [...dataTypes.keys()].join(', ');
    throw unsupported(`must be one of ${accepted}, got ${shown(mediaType)}.`);
  }
  if (dataType === 'binary') return { dataType, bytes: request.body };
  const bytes = toUtf8(request.body, charset);
  return { dataType, bytes: dataType === 'json' ? jsonBytes(bytes, jsonDepthMax) : bytes };
}

/**
 * The JSON object in the body of a request.
 * @throws InvalidArgument: 415 for another content type, 400 when it is not a JSON object.
 */
export function readJsonObject(
  request: HttpRequestWithBody,
  jsonDepthMax: number,
): Readonly<Record<string, unknown>> {
  // Depth is bounded before anything is built.
  const bytes = readJsonBytes(request, jsonDepthMax);
  const value: unknown = JSON.parse(Buffer.from(bytes).toString());
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    // Every object that JSON.parse makes is one of string keys.
    return value as Record<string, unknown>;
  }
  throw new InvalidArgument('body', 'The request body must be a JSON object.');
}

/**
 * The one JSON value in the body of a request, in UTF-8, without blanks around it.
 * @throws InvalidArgument: 415 for another content type, 400 when it is not JSON.
 */
export function readJsonBytes(request: HttpRequestWithBody, jsonDepthMax: number): Uint8Array {
  const { mediaType, charset } = contentTypeOf(request);
  if (mediaType !== 'application/json') {
    throw unsupported(`must be application/json, got ${shown(mediaType)}.`);
  }
  return jsonBytes(toUtf8(request.body, charset), jsonDepthMax);
}

function contentTypeOf(request: HttpRequestWithBody): { mediaType: string; charset: string } {
  const header = request.headers.get('content-type') ?? '';
  const [mediaType = '', ...parameters] = header.split(';').map((part) => part.trim());
  const charset = parameters
    .map((parameter) => /^charset\s*=\s*"?([^"]*)"?$/i.exec(parameter)?.[1])
    .find((value) => value !== undefined);
  return {
    mediaType: mediaType === '' ? 'application/octet-stream' : mediaType.toLowerCase(),
    charset: (charset ?? 'utf-8').toLowerCase(),
  };
}

/** Text frames must be UTF-8, or browsers close the connection: bad bytes must not get that far. */
function toUtf8(bytes: Uint8Array, charset: string): Uint8Array {
  if (charset === 'utf-8' || charset === 'utf8') {
    if (isUtf8(bytes)) return bytes;
    throw new InvalidArgument('body', 'The request body is not valid UTF-8.');
  }
  let decoder: TextDecoder;
  try {
    decoder = new TextDecoder(charset, { fatal: true });
  } catch {
    throw unsupported(`has the charset ${shown(charset)}, which is not known; use utf-8.`);
  }
  try {
    return new TextEncoder().encode(decoder.decode(bytes));
  } catch {
    throw new InvalidArgument('body', `The request body is not valid ${decoder.encoding}.`);
  }
}

function jsonBytes(bytes: Uint8Array, depthMax: number): Uint8Array {
  try {
    return soleJsonValue(bytes, depthMax);
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    throw new InvalidArgument('body', `The request body is not valid JSON: ${error.message}.`);
  }
}

function unsupported(problem: string): InvalidArgument {
  return new InvalidArgument(
    'Content-Type',
    `The Content-Type ${problem}`,
    'unsupported-media-type',
  );
}
