/** Turns what handlers throw into answers. */
import { errorResponse, internalMessage, isInternal } from '../error-response.ts';
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

/** What a caller is told of an error. */
export interface ErrorDetail {
  readonly status: number;
  readonly code: ErrorCode;
  readonly message: string;
  readonly target: string | undefined;
  /** True: the cause must be reported, because the caller is not told. */
  readonly isInternal: boolean;
}

/** The same for a request as a whole and for a part of one. */
export function errorDetail(error: unknown): ErrorDetail {
  if (error instanceof InvalidArgument) {
    const { code, message, target } = error;
    return detail(code, message, target);
  }
  if (error instanceof FilterError) return detail('bad-filter', error.message, 'filter');
  if (error instanceof GatewayError && !isInternal(error)) return detail(error.code, error.message);
  return { ...detail('internal', internalMessage), isInternal: true };
}

/** The answer to an error, and whether its cause must be reported because the client is not told. */
export function errorAnswer(error: unknown): {
  readonly answer: HttpResponse;
  readonly isInternal: boolean;
} {
  const { code, message, target, isInternal: isOurs } = errorDetail(error);
  const answer = errorResponse(code, message, target === undefined ? {} : { target });
  return { answer, isInternal: isOurs };
}

function detail(code: ErrorCode, message: string, target?: string): ErrorDetail {
  return { status: errorTable[code].status, code, message, target, isInternal: false };
}

/** 404 for something that is not there. */
export function notFound(message: string): HttpResponse {
  return errorResponse('not-found', message);
}

/** 405 with the methods that the path has. */
export function methodNotAllowed(method: string, allowed: readonly string[]): HttpResponse {
  const allow = allowed.join(', ');
  const message = `This path has no ${method}; use ${allow}.`;
  return errorResponse('method-not-allowed', message, { headers: { allow } });
}
