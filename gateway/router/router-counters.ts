/** What the router counts on the hot path: plain numbers, read by telemetry when it is asked. */
export interface RouterCounters {
  /** Publications handed to the backplane. */
  publishes: number;
  publishedBytes: number;
  /** Publications that the backplane did not accept, or did not answer for. */
  publishErrors: number;
  /** Envelopes that the backplane brought. */
  envelopes: number;
  /** Envelopes for destinations without a member here (interest lingers). */
  unclaimed: number;
  /** Envelopes that could not be read. */
  unreadable: number;
  /** Times that the backplane told of a possible loss. */
  gaps: number;
}

export function newRouterCounters(): RouterCounters {
  return {
    publishes: 0,
    publishedBytes: 0,
    publishErrors: 0,
    envelopes: 0,
    unclaimed: 0,
    unreadable: 0,
    gaps: 0,
  };
}
