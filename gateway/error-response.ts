/**
 * How every refusal over HTTP looks, whichever part of the gateway refuses: Azure's ErrorDetail at
 * the top level of the body. Its type is `application/json`: with that the Azure SDKs show `message`
 * and `code`; with problem+json they show the whole body as the message.
 */
import { GatewayError, errorTable, type ErrorCode } from './errors.ts';
import type { HttpResponse } from './transport/transport.ts';

export interface ErrorResponseExtras {
  /** The argument at fault, where there is one. */
  readonly target?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** All that the world is told of a failure of ours. */
export const internalMessage =
  "The gateway failed on this request; the operator finds the reason in the node's log.";

/** Seconds after which a client may try again what failed for the moment. */
const retryAfterSeconds = '1';

/** Status and `Retry-After` follow from the code's row in the table of errors. */
export function errorResponse(
  code: ErrorCode,
  message: string,
  extras: ErrorResponseExtras = {},
): HttpResponse {
  const { retry, status } = errorTable[code];
  const { headers, target } = extras;
  return {
    status,
    headers: {
      'content-type': 'application/json',
      'x-ms-error-code': code,
      ...(retry && status === 503 ? { 'retry-after': retryAfterSeconds } : {}),
      ...(status === 401 ? { 'www-authenticate': 'Bearer error="invalid_token"' } : {}),
      ...headers,
    },
    body: JSON.stringify({ code, message, ...(target === undefined ? {} : { target }) }),
  };
}

/**
 * The answer to anything caught. What is not meant for the world becomes a 500 that tells nothing
 * of the inside; whoever calls this reports it (`isInternal`).
 */
export function responseToError(error: unknown): HttpResponse {
  if (error instanceof GatewayError && !isInternal(error)) {
    return errorResponse(error.code, error.message);
  }
  return errorResponse('internal', internalMessage);
}

/** True for errors that the operator must hear of, because the client is not told. */
export function isInternal(error: unknown): boolean {
  return !(error instanceof GatewayError) || error.status === 500;
}
