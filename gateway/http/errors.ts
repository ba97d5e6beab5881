/** Turns what handlers throw into answers. */
import { errorResponse, isInternal, responseToError } from '../error-response.ts';
import type { ErrorCode } from '../errors.ts';
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

/** The answer to an error, and whether its cause must be reported because the client is not told. */
export function errorAnswer(error: unknown): {
  readonly answer: HttpResponse;
  readonly isInternal: boolean;
} {
  if (error instanceof InvalidArgument) {
    const { code, message, target } = error;
    return { answer: errorResponse(code, message, { target }), isInternal: false };
  }
  if (error instanceof FilterError) {
    const answer = errorResponse('bad-filter', error.message, { target: 'filter' });
    return { answer, isInternal: false };
  }
  return { answer: responseToError(error), isInternal: isInternal(error) };
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
