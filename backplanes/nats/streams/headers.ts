/**
 * Reads single headers from a NATS message without taking all of them apart: the library's own
 * reader costs several times the rest of the receive path.
 */
import type { Msg } from '@nats-io/transport-node';

/** What the library's messages have beside what its type says: bytes of all parts together. */
interface Sized {
  size(): number;
}

/** Costs next to nothing. `otherBytes`: lengths of its subject and its reply subject together. */
export function hasHeaders(message: Msg, data: Uint8Array, otherBytes: number): boolean {
  return lengthOf(message, data, otherBytes) !== 0;
}

/** The header block in its wire form; empty when there is none. `otherBytes` as above. */
export function headerBlock(message: Msg, data: Uint8Array, otherBytes: number): string {
  const length = lengthOf(message, data, otherBytes);
  if (length === 0) return '';
  // The library hands out the payload as a view that begins where the headers end.
  const at = data.byteOffset - length;
  const block = at < 0 ? '' : Buffer.from(data.buffer, at, length).toString('latin1');
  return block.startsWith('NATS/1.0') ? block : wholeBlock(message);
}

function lengthOf(message: Msg, data: Uint8Array, otherBytes: number): number {
  if (isSized(message)) return message.size() - otherBytes - data.length;
  return message.headers === undefined ? 0 : Infinity;
}

function isSized(message: Msg): message is Msg & Sized {
  return 'size' in message && typeof message.size === 'function';
}

/** The value of a header in a block; undefined when it is not there. */
export function headerOf(block: string, name: string): string | undefined {
  const start = block.indexOf(`\n${name}:`);
  if (start === -1) return undefined;
  const end = block.indexOf('\r', start);
  return block.slice(start + name.length + 2, end === -1 ? undefined : end).trim();
}

/** The status in the first line, for instance 503; 0 when there is none. */
export function statusOf(block: string): number {
  const digits = /^NATS\/1\.0 (\d{3})/.exec(block)?.[1];
  return digits === undefined ? 0 : Number(digits);
}

/** The slow way, should the library's buffers change. */
function wholeBlock(message: Msg): string {
  const { headers } = message;
  if (headers === undefined) return '';
  const status = headers.code === 0 ? '' : ` ${headers.code} ${headers.description}`;
  const lines = headers.keys().map((name) => `${name}: ${headers.get(name)}\r\n`);
  return `NATS/1.0${status}\r\n${lines.join('')}\r\n`;
}
