/**
 * Places in streams. Over HTTP they are one word; the client SDK has them as objects, and so has this
 * package, so that a page can go on from the place up to which a backend has read.
 */
import { TrunklineError } from './errors.ts';
import { fromBase64, toBase64 } from './token.ts';

/** A place in a stream: after the message with that offset. Kept and sent back as it came. */
export interface Position {
  readonly epoch: string;
  readonly offset: number;
  readonly tag: number;
}

const version = 1;
const headerBytes = 13;
const wordRange = 2 ** 32;

/** As the gateway reads it in a query. */
export function positionText({ epoch, offset, tag }: Position): string {
  const bytes = new Uint8Array(headerBytes + epoch.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, version);
  view.setUint32(1, tag, true);
  view.setUint32(5, offset % wordRange, true);
  view.setUint32(9, Math.floor(offset / wordRange), true);
  for (let at = 0; at < epoch.length; at += 1) bytes[headerBytes + at] = epoch.charCodeAt(at);
  return toBase64(bytes).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** @throws TrunklineError `bad-answer`: this version of the package does not know it. */
export function positionOf(text: string): Position {
  const bytes = bytesOf(text);
  if (bytes === undefined || bytes.length <= headerBytes || bytes[0] !== version) {
    const message = `The gateway gave the position "${text}", which this package cannot read: update it`;
    throw new TrunklineError('bad-answer', message);
  }
  const view = new DataView(bytes.buffer);
  return {
    epoch: String.fromCharCode(...bytes.subarray(headerBytes)),
    offset: view.getUint32(5, true) + view.getUint32(9, true) * wordRange,
    tag: view.getUint32(1, true),
  };
}

function bytesOf(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return fromBase64(text.replaceAll('-', '+').replaceAll('_', '/'));
  } catch {
    return undefined;
  }
}
