/** A message's data between the application and the wire. */
import type { DataType, GatewayFrame } from './wire.ts';

/** The properties of a request that carry this data: bytes as `binary`, all else as `json`. */
export function payloadOf(data: unknown): { readonly dataType: DataType; readonly data: unknown } {
  if (data instanceof Uint8Array) return { dataType: 'binary', data: toBase64(data) };
  return { dataType: 'json', data };
}

/** A JSON value, a string, or the bytes of `binary` and `protobuf`. */
export function dataOf({ data, dataType }: GatewayFrame): unknown {
  return dataType === 'binary' || dataType === 'protobuf' ? fromBase64(String(data)) : data;
}

function toBase64(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
}

function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
