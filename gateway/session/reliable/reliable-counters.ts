/** What reliable connections count: plain numbers, read by telemetry when it is asked. */

/** Why a client that wanted to resume was closed with 1008. */
export type ResumeRefusal =
  /** Its token is not good for this connection. */
  | 'token'
  /** It offered another subprotocol, or asked for another hub, than the connection has. */
  | 'mismatch'
  /** There is no such connection (any more). */
  | 'unknown'
  /** Its node, or the node that serves it, did not answer in time. */
  | 'unanswered';

export interface ReliableCounters {
  /** Resumes on this node of connections that it has. */
  resumed: number;
  readonly refused: Record<ResumeRefusal, number>;
  /** Connections whose client did not come back in time. */
  expired: number;
  /** Connections closed because too much waited for their clients. */
  overflowed: number;
  /** Connections closed because they held the most when the node held too much. */
  nodeFull: number;
  /** Connections that ended with this node, because no other took them. */
  leftBehind: number;
  /** Connections not kept because too many clients are away already. */
  crowdedOut: number;
}

export function newReliableCounters(): ReliableCounters {
  return {
    resumed: 0,
    refused: { token: 0, mismatch: 0, unknown: 0, unanswered: 0 },
    expired: 0,
    overflowed: 0,
    nodeFull: 0,
    leftBehind: 0,
    crowdedOut: 0,
  };
}
