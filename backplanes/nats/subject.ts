/**
 * NATS subjects for keys: one token below the prefix, built so that no name can act as a wildcard,
 * a token separator or white space, and that two keys never share a subject.
 */
import { createHash } from 'node:crypto';

/** Encoded keys over this many bytes are named by their SHA-256 instead. */
const encodedBytesMax = 512;
const safeKey = /^[A-Za-z0-9_:-]{1,512}$/;

/** Where messages on the key travel. */
export function subjectOf(prefix: string, key: string): string {
  return `${prefix}.k.${tokenOf(key)}`;
}

/**
 * The key in one token; `~h` and a SHA-256 for very long ones: the server limits the length of a
 * protocol line (4 KB by default), and compares subjects token by token.
 */
export function tokenOf(key: string): string {
  if (safeKey.test(key)) return key;
  // The sign alone is no safe letter, so it cannot be anybody else's encoding.
  const encoded = key === '' ? '=' : key.replace(/[^A-Za-z0-9_:-]/gu, escaped);
  if (encoded.length <= encodedBytesMax) return encoded;
  // In encodings only hexadecimal digits in capitals follow that sign.
  return `~h${createHash('sha256').update(encoded).digest('base64url')}`;
}

/** Where one connection's canary sings. `name` must be made of safe letters. */
export function probeSubject(prefix: string, name: string): string {
  return `${prefix}.p.${name}`;
}

/** What the account must allow, for messages to people. */
export function subjectPattern(prefix: string): string {
  return `${prefix}.>`;
}

/** `=2E` for a dot, several bytes of UTF-8 for a letter of the world, `~D800` for half a pair. */
function escaped(letter: string): string {
  const code = letter.codePointAt(0) ?? 0;
  // UTF-8 has no bytes for a lone surrogate, and would make one of all of them.
  if (code >= 0xd800 && code <= 0xdfff) return `~${code.toString(16).toUpperCase()}`;
  return [...Buffer.from(letter)]
    .map((byte) => `=${byte.toString(16).padStart(2, '0').toUpperCase()}`)
    .join('');
}
