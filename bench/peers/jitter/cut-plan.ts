/** When each client of the jitter test is offline: the same plan for every server. */

export interface CutPlan {
  readonly clients: number;
  /** From the beginning of one cut of a client to that of its next. */
  readonly periodMs: number;
  readonly offlineMs: number;
  /** Nobody is offline from here on. */
  readonly untilMs: number;
}

/**
 * When the cut that holds `client` at `atMs` (since the beginning of the run) ends; undefined when it is
 * online. The first cuts are spread over one period, client by client.
 */
export function offlineUntil(plan: CutPlan, client: number, atMs: number): number | undefined {
  const { clients, periodMs, offlineMs, untilMs } = plan;
  if (atMs >= untilMs) return undefined;
  const first = (client * periodMs) / clients;
  const sinceFirst = atMs - first;
  if (sinceFirst < 0) return undefined;
  const from = first + Math.floor(sinceFirst / periodMs) * periodMs;
  return atMs < from + offlineMs ? Math.min(from + offlineMs, untilMs) : undefined;
}

/** Beginnings of all cuts of a client, in order. */
export function cutsOf(plan: CutPlan, client: number): readonly number[] {
  const cuts: number[] = [];
  for (let at = (client * plan.periodMs) / plan.clients; at < plan.untilMs; at += plan.periodMs) {
    cuts.push(at);
  }
  return cuts;
}
