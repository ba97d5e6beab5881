/** Text frames that carry a payload: its bytes between a head and a tail, in one allocation. */
import type { Frame } from './codec.ts';
import { isPlainText, jsonBytesOf } from './json-payload.ts';
import type { Payload } from './model.ts';

const closeBrace = 0x7d;
const quote = 0x22;

/**
 * One frame of head, the payload as a JSON value, and tail (undefined: one closing brace). The
 * frame comes from Node's buffer pool, which makes it cheap; who keeps it for long copies it.
 */
export function splice(head: string, payload: Payload, tail: string | undefined): Frame {
  const isQuoted = payload.dataType === 'text' && isPlainText(payload.bytes);
  const value = isQuoted ? payload.bytes : jsonBytesOf(payload);
  const quotes = isQuoted ? 2 : 0;
  const headLength = Buffer.byteLength(head);
  const tailLength = tail === undefined ? 1 : Buffer.byteLength(tail);
  const bytes = Buffer.allocUnsafe(headLength + value.length + quotes + tailLength);
  let index = bytes.write(head, 0, 'utf8');
  if (isQuoted) bytes[index++] = quote;
  bytes.set(value, index);
  index += value.length;
  if (isQuoted) bytes[index++] = quote;
  if (tail === undefined) bytes[index] = closeBrace;
  else bytes.write(tail, index, 'utf8');
  return { bytes, isBinary: false };
}

export function textFrame(text: string): Frame {
  return { bytes: Buffer.from(text, 'utf8'), isBinary: false };
}

export function jsonFrame(value: object): Frame {
  return textFrame(JSON.stringify(value));
}
