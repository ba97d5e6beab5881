/** Copies everything out of a native request, which is invalid after its callback. */
import { SocketAddress } from 'node:net';
import type { HttpRequest as NativeRequest, HttpResponse as NativeResponse } from 'uWebSockets.js';
import type { HttpRequest } from './transport.ts';

export function copyRequest(native: NativeResponse, request: NativeRequest): HttpRequest {
  const headers = new Map<string, string>();
  request.forEach((name, value) => {
    const earlier = headers.get(name);
    headers.set(name, earlier === undefined ? value : join(name, earlier, value));
  });
  return {
    method: request.getMethod().toUpperCase(),
    path: request.getUrl(),
    query: request.getQuery() ?? '',
    headers,
    remoteAddress: formatAddress(Buffer.from(native.getRemoteAddress())),
  };
}

/** Repeated headers are one list (RFC 9110 §5.3), cookies with their own separator (RFC 6265). */
function join(name: string, earlier: string, value: string): string {
  return `${earlier}${name === 'cookie' ? '; ' : ', '}${value}`;
}

/** Four or sixteen bytes as canonical text; IPv4 mapped into IPv6 as IPv4. Empty: unknown. */
export function formatAddress(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join('.');
  if (bytes.length !== 16) return '';
  const words: string[] = [];
  for (let at = 0; at < 16; at += 2) words.push(bytes.readUInt16BE(at).toString(16));
  if (words.slice(0, 6).join(':') === '0:0:0:0:0:ffff') return bytes.subarray(12).join('.');
  return new SocketAddress({ address: words.join(':'), family: 'ipv6' }).address;
}
