/**
 * Every error that a person outside the project can meet, in one table: who must act, whether a
 * retry makes sense, and the HTTP status where one applies. docs/OPERATIONS.md prints the table; a
 * test compares. Frames that break a subprotocol are `ProtocolError` (protocol/codec.ts).
 */

/** Who can put it right. */
type Actor = 'client developer' | 'user' | 'operator' | 'deployer';

interface ErrorKind {
  readonly actor: Actor;
  /** True: the same request may succeed later without a change. */
  readonly retry: boolean;
  /** HTTP status of the REST API and of refused upgrades. */
  readonly status: number;
}

export const errorTable = {
  'bad-request': { actor: 'client developer', retry: false, status: 400 },
  'bad-filter': { actor: 'client developer', retry: false, status: 400 },
  'bad-token': { actor: 'client developer', retry: false, status: 401 },
  forbidden: { actor: 'client developer', retry: false, status: 403 },
  'not-found': { actor: 'client developer', retry: false, status: 404 },
  'method-not-allowed': { actor: 'client developer', retry: false, status: 405 },
  'body-too-large': { actor: 'client developer', retry: false, status: 400 },
  'message-too-large': { actor: 'client developer', retry: false, status: 400 },
  'not-a-stream': { actor: 'client developer', retry: false, status: 400 },
  'position-diverged': { actor: 'client developer', retry: false, status: 410 },
  'request-timed-out': { actor: 'client developer', retry: true, status: 408 },
  'unsupported-media-type': { actor: 'client developer', retry: false, status: 415 },
  'too-many-groups': { actor: 'client developer', retry: false, status: 400 },
  'too-many-watches': { actor: 'client developer', retry: false, status: 400 },
  'too-many-upgrades': { actor: 'operator', retry: true, status: 503 },
  'too-many-connections': { actor: 'operator', retry: true, status: 503 },
  'backplane-unavailable': { actor: 'operator', retry: true, status: 503 },
  'publish-outcome-unknown': { actor: 'operator', retry: true, status: 503 },
  'nodes-missing': { actor: 'operator', retry: true, status: 503 },
  'issuer-unavailable': { actor: 'operator', retry: true, status: 503 },
  'handler-timed-out': { actor: 'operator', retry: true, status: 503 },
  'shutting-down': { actor: 'operator', retry: true, status: 503 },
  'bad-setting': { actor: 'deployer', retry: false, status: 500 },
  'cannot-listen': { actor: 'deployer', retry: false, status: 500 },
  'no-native-binary': { actor: 'deployer', retry: false, status: 500 },
  internal: { actor: 'operator', retry: true, status: 500 },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof errorTable;

/** An error for the world. `message` names the thing, the value and the remedy. */
export class GatewayError extends Error {
  override readonly name = 'GatewayError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  get retry(): boolean {
    return errorTable[this.code].retry;
  }

  get status(): number {
    return errorTable[this.code].status;
  }
}
