/** How every refusal over HTTP looks, whichever part of the gateway refuses (Azure §6). */
import { GatewayError, errorTable, type ErrorCode } from './errors.ts';
import type { HttpResponse } from './transport/transport.ts';

/** Seconds after which a client may try again what failed for the moment. */
const retryAfterSeconds = '1';

/** The JSON body `{code, message}` with the header `x-ms-error-code`. */
export function errorResponse(
  code: ErrorCode,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): HttpResponse {
  const { retry, status } = errorTable[code];
  return {
    status,
    headers: {
      'content-type': 'application/json',
      'x-ms-error-code': code,
      ...(retry && status === 503 ? { 'retry-after': retryAfterSeconds } : {}),
      ...(status === 401 ? { 'www-authenticate': 'Bearer' } : {}),
      ...headers,
    },
    body: JSON.stringify({ code, message }),
  };
}

/** The same for anything caught. What is not meant for the world is not told to it. */
export function responseToError(error: unknown): HttpResponse {
  if (error instanceof GatewayError) return errorResponse(error.code, error.message);
  return errorResponse('internal', 'The gateway failed to handle the request; try again');
}
