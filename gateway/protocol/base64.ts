/** Strict base64 (RFC 4648 §4): what Node's own decoder would guess at is refused here. */

const pad = 0x3d;

/** Value of each byte as a base64 digit; 64: not one. */
const digitValues = Uint8Array.from({ length: 256 }, (_, byte) => {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
  const value = alphabet.indexOf(String.fromCharCode(byte));
  return value === -1 ? 64 : value;
});

/** Bits of the last digit that carry nothing, by the number of padding characters. */
const unusedBits = [0, 0b11, 0b1111] as const;

/**
 * @returns bytes of its own; undefined unless `encoded` is canonical: padded, nothing but the
 *   alphabet, unused bits zero.
 */
export function decodeBase64(encoded: Uint8Array): Uint8Array | undefined {
  const { length } = encoded;
  if (length % 4 !== 0) return undefined;
  if (length === 0) return new Uint8Array(0);
  let digits = length;
  while (digits > length - 2 && encoded[digits - 1] === pad) digits--;
  for (let index = 0; index < digits; index++) {
    if (digitValues[encoded[index] ?? 0] === 64) return undefined;
  }
  const last = digitValues[encoded[digits - 1] ?? 0] ?? 0;
  if ((last & (unusedBits[length - digits] ?? 0)) !== 0) return undefined;
  const view = Buffer.from(encoded.buffer, encoded.byteOffset, length);
  return Buffer.from(view.toString('latin1'), 'base64');
}
