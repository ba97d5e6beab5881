/** What presence does on this node, for the metrics page. */
import type { NodePresence } from './router/presence/node-presence.ts';
import type { MetricSource } from './telemetry/metric-source.ts';

export function presenceMetrics(
  presence: Pick<NodePresence, 'counters' | 'leases' | 'views'>,
): MetricSource[] {
  return [
    {
      name: 'trunkline_presence',
      help: 'Watches of clients, destinations watched here, destinations told of, nodes told.',
      type: 'gauge',
      labelNames: ['what'],
      read: () => [
        { labels: { what: 'watches' }, value: presence.views.watchCount },
        { labels: { what: 'watched' }, value: presence.views.size },
        { labels: { what: 'told' }, value: presence.leases.rollCount },
        { labels: { what: 'nodes' }, value: presence.leases.size },
      ],
    },
    {
      name: 'trunkline_presence_events_total',
      help: 'What presence counts: frames to watchers, messages to nodes, losses that were found.',
      type: 'counter',
      labelNames: ['event'],
      read: () =>
        Object.entries(presence.counters).map(([event, value]) => ({
          labels: { event },
          // Counters are numbers.
          value: Number(value),
        })),
    },
  ];
}
