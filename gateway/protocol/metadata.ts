/**
 * The rules of metadata, the string pairs beside a payload, whether they come in a frame or as
 * X-WebPubSub-Metadata-* headers of the REST API.
 */
import type { Metadata } from './model.ts';
import { shown } from './shown.ts';

/** The pairs are not metadata. `message` names the pair and the remedy. */
export class MetadataError extends Error {
  override readonly name = 'MetadataError';
}

const keyBytesMax = 256;
const valueBytesMax = 1024;
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** Control characters are refused although they are ASCII: a value can become an HTTP header. */
const visible = /^[\t\x20-\x7e]*$/;

/**
 * @param bytesMax bound of all keys and values together.
 * @throws MetadataError: not ASCII, not a token, too long, or a key twice.
 */
export function parseMetadata(
  pairs: Iterable<readonly [key: string, value: string]>,
  bytesMax: number,
): Metadata {
  const metadata: Record<string, string> = {};
  let total = 0;
  for (const [key, value] of pairs) {
    checkPair(key, value);
    if (Object.hasOwn(metadata, key)) {
      throw new MetadataError(`metadata has the key ${shown(key)} twice; send it once`);
    }
    total += key.length + value.length;
    if (total > bytesMax) {
      throw new MetadataError(`metadata is larger than ${bytesMax} bytes; send less`);
    }
    metadata[key] = value;
  }
  return metadata;
}

function checkPair(key: string, value: string): void {
  // It would set the prototype of whatever object it is copied into.
  if (!token.test(key) || key === '__proto__') {
    throw new MetadataError(
      `metadata key ${shown(key)} is not an HTTP token; use letters, digits and !#$%&'*+-.^_\`|~`,
    );
  }
  if (key.length > keyBytesMax) {
    throw new MetadataError(`metadata key ${shown(key)} is longer than ${keyBytesMax} bytes`);
  }
  if (!visible.test(value)) {
    throw new MetadataError(
      `metadata value of ${shown(key)} must be printable ASCII, got ${shown(value)}`,
    );
  }
  if (value.length > valueBytesMax) {
    throw new MetadataError(
      `metadata value of ${shown(key)} is longer than ${valueBytesMax} bytes`,
    );
  }
}
