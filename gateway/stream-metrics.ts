/** What the streams of this node do, for the metrics page. */
import type { StreamStore } from '../backplanes/stream-store.ts';
import type { Router } from './router/router.ts';
import type { MetricSample, MetricSource } from './telemetry/metric-source.ts';

export function streamMetrics(
  router: Pick<Router, 'streamCounters' | 'streamGauges'>,
  store: Pick<StreamStore, 'counters'> | undefined,
): MetricSource[] {
  return [
    {
      name: 'trunkline_stream_events_total',
      help: 'What the streams of this node count: entries, repairs, reads, gaps, resumes.',
      type: 'counter',
      labelNames: ['event'],
      read: () => samplesOf(router.streamCounters),
    },
    {
      name: 'trunkline_streams',
      help: 'Streams that this node follows, and bytes of their newest entries that it keeps.',
      type: 'gauge',
      labelNames: ['what'],
      read: () =>
        Object.entries(router.streamGauges()).map(([what, value]) => ({ labels: { what }, value })),
    },
    {
      name: 'trunkline_stream_store_events_total',
      help: 'What the store of the streams counts, by its own name for it.',
      type: 'counter',
      labelNames: ['event'],
      read: () => samplesOf(store?.counters ?? {}),
    },
  ];
}

function samplesOf(counters: object): MetricSample[] {
  return Object.entries(counters).map(([event, value]) => ({
    labels: { event },
    value: Number(value),
  }));
}
