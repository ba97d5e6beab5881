/** A message's data between the application and the wire. */
import { TrunklineError } from './errors.ts';
import type { DataType, GatewayFrame } from './wire.ts';

/**
 * The properties of a request that carry this data: bytes as `binary`, all else as `json`.
 * @throws TrunklineError `invalid-payload` for null, and for what JSON does not have.
 */
export function payloadOf(data: unknown): { readonly dataType: DataType; readonly data: unknown } {
  if (data instanceof Uint8Array) return { dataType: 'binary', data };
  // The gateway takes null for a fault of the client, and closes for good.
  if ((JSON.stringify(data) ?? 'null') === 'null') {
    throw new TrunklineError('invalid-payload', `A payload must not be null, got ${String(data)}`);
  }
  return { dataType: 'json', data };
}

/** A JSON value, a string, or the bytes of `binary` and `protobuf`. */
export function dataOf({ data, dataType }: GatewayFrame): unknown {
  const isBase64 = typeof data === 'string' && (dataType === 'binary' || dataType === 'protobuf');
  return isBase64 ? fromBase64(data) : data;
}

/** For a wire that has text only. */
export function toBase64(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
}

function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
