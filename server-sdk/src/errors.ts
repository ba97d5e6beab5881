/** What can go wrong, as a class that a backend can tell apart from others. */

/**
 * What this package itself finds; every other code is the gateway's (docs/OPERATIONS.md has them).
 * `refused`: the answer was not the gateway's own, for instance that of a proxy.
 */
export type OwnErrorCode =
  'bad-answer' | 'bad-option' | 'invalid-payload' | 'network' | 'refused' | 'timeout';

/** A code of ours, or one of the gateway's. */
export type ErrorCode = OwnErrorCode | (string & Record<never, never>);

export interface TrunklineErrorOptions {
  readonly cause?: unknown;
  readonly status?: number | undefined;
  readonly requestId?: string | undefined;
  readonly target?: string | undefined;
  readonly retryAfterMs?: number | undefined;
}

/** Every error of this package. */
export class TrunklineError extends Error {
  override readonly name = 'TrunklineError';
  readonly code: ErrorCode;
  /** Of the answer over HTTP; undefined: there was none. */
  readonly status: number | undefined;
  /** What was sent as `x-ms-client-request-id`, equal for all attempts: for logs on the way. */
  readonly requestId: string | undefined;
  /** The argument at fault, where the gateway names one. */
  readonly target: string | undefined;
  /** How long the gateway wants to be left alone, where it says so. */
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, message: string, options: TrunklineErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : {});
    this.code = code;
    this.status = options.status;
    this.requestId = options.requestId;
    this.target = options.target;
    this.retryAfterMs = options.retryAfterMs;
  }
}
