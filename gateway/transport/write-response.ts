/** Turns a response into what goes over the wire: status line, headers, and body where one may be. */
import { STATUS_CODES } from 'node:http';
import type { HttpResponse as NativeResponse } from 'uWebSockets.js';
import type { HttpResponse } from './transport.ts';

/** Checked and ready: writing it cannot fail halfway. */
export interface PreparedResponse {
  readonly statusLine: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Undefined: no body and no Content-Length of its own. */
  readonly body: string | Uint8Array | undefined;
}

const headerName = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
// Control characters in a value would end the header and start another.
// oxlint-disable-next-line no-control-regex -- naming them is the point
const headerValueFault = /[\0-\x08\x0a-\x1f\x7f]/;

/**
 * HEAD gets the length of the body it does not get; 204 and 304 have neither.
 * @throws RangeError for a status or a header that must not go out.
 */
export function prepareResponse(response: HttpResponse, isHead: boolean): PreparedResponse {
  const { status, body = '' } = response;
  if (!Number.isInteger(status) || status < 200 || status > 599) {
    throw new RangeError(`response status must be 200..599, got ${status}`);
  }
  const isBodiless = isHead || status === 204 || status === 304;
  const headers: [string, string][] = [];
  let hasLength = false;
  for (const [name, value] of Object.entries(response.headers ?? {})) {
    if (!headerName.test(name) || headerValueFault.test(value)) {
      throw new RangeError(`response header ${JSON.stringify(name)} must not go out as it is`);
    }
    const lower = name.toLowerCase();
    // Framing is the transport's: a wrong length would break the connection.
    if (lower === 'transfer-encoding') continue;
    // With a body the native code writes it by itself when it closes.
    if (lower === 'connection' && !isBodiless) continue;
    if (lower === 'content-length') {
      if (!isHead) continue;
      hasLength = true;
    }
    headers.push([name, value]);
  }
  if (isHead && !hasLength && status !== 204 && status !== 304) {
    const length = typeof body === 'string' ? Buffer.byteLength(body) : body.byteLength;
    headers.push(['content-length', String(length)]);
  }
  const statusLine = `${status} ${STATUS_CODES[status] ?? 'Unknown'}`;
  return { statusLine, headers, body: isBodiless ? undefined : body };
}

/** Must be called corked, once per response. */
export function writeResponse(
  native: NativeResponse,
  response: PreparedResponse,
  close: boolean,
): void {
  native.writeStatus(response.statusLine);
  for (const [name, value] of response.headers) native.writeHeader(name, value);
  if (response.body === undefined) {
    // Its length argument leaves the response unfinished in 20.51; the header says the length.
    native.endWithoutBody();
  } else {
    native.end(response.body, close);
  }
}
