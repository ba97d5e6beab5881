/** Tests of the metrics about other nodes and the adapter. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { clusterMetrics } from '../../../gateway/cluster-metrics.ts';
import { Roster } from '../../../gateway/router/bus/roster.ts';
import { Metrics } from '../../../gateway/telemetry/metrics.ts';

describe('cluster metrics', () => {
  test('cluster metrics: nodes by state, and the counters of the adapter', async () => {
    let nowMs = 0;
    const clock = { monotonicMs: () => nowMs };
    const roster = new Roster({ nodeId: 'a', clock, suspectAfterMs: 3000, deadAfterMs: 10_000 });
    roster.heard('b', 1);
    nowMs = 4000;
    roster.heard('c', 1);
    const metrics = new Metrics();
    try {
      metrics.addAll(clusterMetrics({ roster, lateAnswers: 7 }, { counters: { refused: 5 } }));
      const text = await metrics.text();
      assert.match(text, /^trunkline_nodes\{state="alive"\} 2$/m);
      assert.match(text, /^trunkline_nodes\{state="suspect"\} 1$/m);
      assert.match(text, /^trunkline_late_answers_total 7$/m);
      assert.match(text, /^trunkline_backplane_events_total\{event="refused"\} 5$/m);
    } finally {
      metrics.close();
    }
  });
});
