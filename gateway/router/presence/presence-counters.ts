/** What presence counts on this node: plain numbers, read by telemetry when it is asked. */

export interface PresenceCounters {
  /** Frames written to those who watch. */
  notices: number;
  /** Times that somebody was too slow, and was told everything later instead. */
  slowWatchers: number;
  /** Messages to other nodes. */
  sent: number;
  /** Of those, messages that the backplane did not take. */
  unsent: number;
  /** Changes that came after one that was lost. */
  holes: number;
  /** Times that the sums have shown that something was lost. */
  mismatches: number;
  /** Times that the members of a silent node were hidden. */
  nodesAway: number;
}

export function newPresenceCounters(): PresenceCounters {
  return { notices: 0, slowWatchers: 0, sent: 0, unsent: 0, holes: 0, mismatches: 0, nodesAway: 0 };
}
