/** The rules by which a client follows a stream: section 4.4 of docs/PROTOCOL.md. */
import type { Position } from './wire.ts';

/** What a message or a skip says about its place. */
export interface Step {
  readonly offset: number;
  /** The offset before it; missing: the gateway has seen to it that nothing is between. */
  readonly prev?: number | undefined;
  readonly tag: number;
}

/** `next`: it is the client's now. `old`: it was there before. `hole`: something is missing. */
export type Verdict = 'next' | 'old' | 'hole';

/** Rule 3. */
export function judge(cursor: Position, { offset, prev }: Step): Verdict {
  if (offset <= cursor.offset) return 'old';
  return prev === undefined || prev <= cursor.offset ? 'next' : 'hole';
}

/** The cursor after a step that is the next one. */
export function advanced(cursor: Position, { offset, tag }: Step): Position {
  return { epoch: cursor.epoch, offset, tag };
}

/** Rule 4: the cursor after a bookmark. */
export function lifted(cursor: Position, to: Position): Position {
  return to.epoch === cursor.epoch && to.offset > cursor.offset ? to : cursor;
}
