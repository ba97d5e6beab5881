/** What the ack of a join or a resume says beyond success. */
import type { AckOutcome, StreamPosition } from '../protocol/model.ts';
import type { Joined } from '../router/ports.ts';

/** `recovered` answers to `since`: who asked for nothing that was missed is not told of it. */
export function outcomeOfJoin(
  { position, recovered }: Joined,
  since: StreamPosition | undefined,
): AckOutcome {
  return since === undefined ? { position } : { position, recovered };
}
