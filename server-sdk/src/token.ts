/** Signs tokens with WebCrypto, which every runtime has: HS256 over the access key. */
import type { Environment } from './environment.ts';

type Key = Awaited<ReturnType<typeof crypto.subtle.importKey>>;

export class TokenSigner {
  readonly #accessKey: string;
  readonly #environment: Environment;
  #key: Promise<Key> | undefined;

  constructor(accessKey: string, environment: Environment) {
    this.#accessKey = accessKey;
    this.#environment = environment;
  }

  /** Claims that are undefined are left out; `iat` and `exp` are put in. */
  async sign(claims: Readonly<Record<string, unknown>>, lifetimeMs: number): Promise<string> {
    const nowMs = this.#environment.wallMs();
    const iat = Math.floor(nowMs / 1000);
    // Rounded up: a token is good for no less than was asked.
    const exp = Math.ceil((nowMs + lifetimeMs) / 1000);
    const content = [
      { alg: 'HS256', typ: 'JWT' },
      { ...claims, iat, exp },
    ];
    const text = content.map((part) => base64Url(utf8(JSON.stringify(part)))).join('.');
    const signature = await crypto.subtle.sign('HMAC', await this.#imported(), utf8(text));
    return `${text}.${base64Url(new Uint8Array(signature))}`;
  }

  #imported(): Promise<Key> {
    const algorithm = { name: 'HMAC', hash: 'SHA-256' };
    // Its UTF-8 bytes are the key; it is not base64-decoded.
    this.#key ??= crypto.subtle.importKey('raw', utf8(this.#accessKey), algorithm, false, ['sign']);
    return this.#key;
  }
}

function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

function base64Url(bytes: Uint8Array): string {
  return toBase64(bytes).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** With padding. */
export function toBase64(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
}

/** @throws DOMException: it is no base64. */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
