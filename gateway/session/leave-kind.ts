/** What the close of a socket says about its client: gone for good, or perhaps about to come back. */
import { closeCodes } from '../protocol/close-codes.ts';
import type { LeaveKind } from '../protocol/presence-model.ts';

/** Of a socket that closed without a close. */
export const vanishedCode = 1006;

/** The client said good-bye without a code, as `close()` in a browser does. */
const noCode = 1005;

/** After these a client does not come back by itself. */
const finalCodes: ReadonlySet<number> = new Set([
  closeCodes.normal,
  noCode,
  closeCodes.unsupportedData,
  closeCodes.invalidMessage,
  closeCodes.policyViolation,
  closeCodes.messageTooBig,
]);

export function leaveKindOf(code: number): LeaveKind {
  return finalCodes.has(code) ? 'left' : 'lost';
}
