/** What the router counts on the hot path: plain numbers, read by telemetry when it is asked. */
import type { ClosingPolicy, DroppingPolicy } from './slow-policy.ts';

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
  /** Live publications that were dropped, because one with their chosen id had come before. */
  repeats: number;
  /** Times that the backplane told of a possible loss. */
  gaps: number;
  /** By the counters of publishing nodes: live envelopes that did not come, came twice, or late. */
  liveHoles: number;
  liveRepeats: number;
  liveInversions: number;
  /** Publications that congested members were not given, by the policy that dropped them. */
  readonly slowDropped: Record<DroppingPolicy, number>;
  /** Times that members were told of such a loss. */
  readonly slowNotices: Record<DroppingPolicy, number>;
  /** Members closed because they had lost publications, by policy. */
  readonly slowCloses: Record<ClosingPolicy, number>;
}

export function newRouterCounters(): RouterCounters {
  return {
    publishes: 0,
    publishedBytes: 0,
    publishErrors: 0,
    envelopes: 0,
    unclaimed: 0,
    unreadable: 0,
    repeats: 0,
    gaps: 0,
    liveHoles: 0,
    liveRepeats: 0,
    liveInversions: 0,
    slowDropped: { 'drop-oldest': 0, latest: 0 },
    slowNotices: { 'drop-oldest': 0, latest: 0 },
    slowCloses: { disconnect: 0, 'drop-and-recover': 0 },
  };
}
