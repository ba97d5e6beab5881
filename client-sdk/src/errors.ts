/** What can go wrong, as classes that an application can tell apart. */

/** Why something failed; the table in the README says what to do. */
export type ErrorCode =
  | 'bad-option'
  | 'closed'
  | 'connection-lost'
  | 'invalid-payload'
  | 'listener-failed'
  | 'queue-full'
  | 'refused'
  | 'timeout'
  | 'token-failed';

export interface TrunklineErrorOptions {
  readonly cause?: unknown;
  /** The gateway's name of the error, for instance `Forbidden`; with the code `refused`. */
  readonly refusal?: string | undefined;
}

/** Every error of this client. */
export class TrunklineError extends Error {
  override readonly name = 'TrunklineError';
  readonly code: ErrorCode;
  readonly refusal: string | undefined;

  constructor(code: ErrorCode, message: string, options: TrunklineErrorOptions = {}) {
    super(message, options);
    this.code = code;
    this.refusal = options.refusal;
  }
}

/** Thrown by `getToken` to say that there will be no token: the client stops for good. */
export class UnauthorizedError extends Error {
  override readonly name = 'UnauthorizedError';
}
