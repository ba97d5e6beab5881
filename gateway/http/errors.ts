/**
 * Turns errors into answers. The body is Azure's ErrorDetail at the top level, and its type is
 * `application/json`: with that the Azure SDKs show `message` and `code`; with problem+json they
 * show the whole body as the message.
 */
import { errorTable, GatewayError, type ErrorCode } from '../errors.ts';
import { FilterError } from '../protocol/filter/filter.ts';
import type { HttpResponse } from '../transport/transport.ts';

/** A request with a wrong argument. `message` names the argument, the value and the remedy. */
export class InvalidArgument extends Error {
  override readonly name = 'InvalidArgument';
  readonly target: string;
  readonly code: ErrorCode;

  constructor(target: string, message: string, code: ErrorCode = 'bad-request') {
    super(message);
    this.target = target;
    this.code = code;
  }
}

/** The body of every error (Azure: ErrorDetail). */
interface ErrorDetail {
  readonly code: ErrorCode;
  readonly message: string;
  /** The argument at fault, where there is one. */
  readonly target?: string;
}

/**
 * The answer to an error. What is none of ours becomes a 500 that tells nothing of the inside;
 * whoever calls this reports it.
 */
export function errorAnswer(error: unknown): HttpResponse {
  if (error instanceof InvalidArgument) {
    return answer({ code: error.code, message: error.message, target: error.target });
  }
  if (error instanceof FilterError) {
    return answer({ code: 'bad-filter', message: error.message, target: 'filter' });
  }
  if (error instanceof GatewayError && error.status < 500) {
    return answer({ code: error.code, message: error.message }, headersOf(error.code));
  }
  if (error instanceof GatewayError && error.status === 503) {
    return answer({ code: error.code, message: error.message }, { 'retry-after': '1' });
  }
  return answer({
    code: 'internal',
    message: "The gateway failed on this request; the operator finds the reason in the node's log.",
  });
}

/** True for errors that the operator must hear of, because the client is not told. */
export function isInternal(error: unknown): boolean {
  return errorAnswer(error).status === 500;
}

/** 404 for something that is not there. */
export function notFound(message: string): HttpResponse {
  return answer({ code: 'not-found', message });
}

/** 405 with the methods that the path has. */
export function methodNotAllowed(method: string, allowed: readonly string[]): HttpResponse {
  const allow = allowed.join(', ');
  const message = `This path has no ${method}; use ${allow}.`;
  return answer({ code: 'method-not-allowed', message }, { allow });
}

function headersOf(code: ErrorCode): Record<string, string> {
  return code === 'bad-token' ? { 'www-authenticate': 'Bearer error="invalid_token"' } : {};
}

function answer(detail: ErrorDetail, headers: Record<string, string> = {}): HttpResponse {
  return {
    status: errorTable[detail.code].status,
    headers: {
      'content-type': 'application/json',
      'x-ms-error-code': detail.code,
      ...headers,
    },
    body: JSON.stringify(detail),
  };
}
