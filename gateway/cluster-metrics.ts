/** What this node knows of the others, and what its backplane adapter counts, for the metrics page. */
import type { Backplane } from '../backplanes/backplane.ts';
import type { NodeBus } from './router/bus/node-bus.ts';
import type { MetricSource } from './telemetry/metric-source.ts';

export function clusterMetrics(
  bus: Pick<NodeBus, 'lateAnswers' | 'roster'>,
  backplane: Pick<Backplane, 'counters'>,
): MetricSource[] {
  return [
    {
      name: 'trunkline_nodes',
      help: 'Nodes that are not dead as this one has heard, itself included, by state.',
      type: 'gauge',
      labelNames: ['state'],
      read: () => {
        const states = bus.roster.nodes().map((nodeId) => bus.roster.state(nodeId));
        return (['alive', 'suspect'] as const).map((state) => ({
          labels: { state },
          value: states.filter((one) => one === state).length,
        }));
      },
    },
    {
      name: 'trunkline_late_answers_total',
      help: 'Answers of other nodes that came after their question was over.',
      type: 'counter',
      read: () => [{ value: bus.lateAnswers }],
    },
    {
      name: 'trunkline_backplane_events_total',
      help: 'What the backplane adapter counts, by its own name for it.',
      type: 'counter',
      labelNames: ['event'],
      read: () =>
        Object.entries(backplane.counters ?? {}).map(([event, value]) => ({
          labels: { event },
          value,
        })),
    },
  ];
}
