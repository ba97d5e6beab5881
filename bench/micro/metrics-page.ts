/** Reads counters from a Prometheus page. */

/**
 * Sum of all series of a metric; undefined when the page does not have it.
 * @param label only series with this label, for instance `cause="stalled"`.
 */
export function sumMetric(page: string, name: string, label = ''): number | undefined {
  let sum: number | undefined;
  for (const line of page.split('\n')) {
    if (!line.startsWith(name) || !/^[{ ]/.test(line.slice(name.length))) continue;
    if (!line.includes(label)) continue;
    const value = Number(line.slice(line.lastIndexOf(' ') + 1));
    if (!Number.isNaN(value)) sum = (sum ?? 0) + value;
  }
  return sum;
}

/** What a gateway tells of itself; each is undefined when the page does not have it. */
export interface GatewayCounters {
  readonly writes: number | undefined;
  readonly deliveries: number | undefined;
  readonly congested: number | undefined;
  readonly retainedBytes: number | undefined;
  readonly slowConsumersClosed: number | undefined;
}

/** An answer that comes later is one of another moment. */
const answerMsMax = 500;

/** Reads the metrics page of the gateway on this port; undefined when it does not answer at once. */
export async function readGatewayCounters(port: number): Promise<GatewayCounters | undefined> {
  const page = await readMetricsPage(port);
  if (page === undefined) return undefined;
  return {
    writes: sumMetric(page, 'trunkline_writes_total'),
    deliveries: sumMetric(page, 'trunkline_deliveries_total'),
    congested: sumMetric(page, 'trunkline_congested_connections'),
    retainedBytes: sumMetric(page, 'trunkline_retained_bytes'),
    slowConsumersClosed: sumMetric(page, 'trunkline_slow_consumers_closed_total'),
  };
}

/** The whole page of the gateway on this port; undefined when it does not answer in time. */
export async function readMetricsPage(
  port: number,
  msMax = answerMsMax,
): Promise<string | undefined> {
  try {
    const url = `http://127.0.0.1:${String(port)}/metrics`;
    const response = await fetch(url, { signal: AbortSignal.timeout(msMax) });
    return await response.text();
  } catch {
    // A saturated or stopped gateway: the figure is then unknown, and printed as such.
    return undefined;
  }
}
