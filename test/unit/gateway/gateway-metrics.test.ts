/** The metrics page of the whole gateway: every source can be read, and the page is what it says. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MemoryBackplane } from '../../../backplanes/memory/memory-backplane.ts';
import { systemClock } from '../../../gateway/clock.ts';
import { gatewayMetrics } from '../../../gateway/gateway-metrics.ts';
import { defaultLimits } from '../../../gateway/limits.ts';
import { Router } from '../../../gateway/router/router.ts';
import { KeptFrames } from '../../../gateway/session/reliable/kept-frames.ts';
import { newReliableCounters } from '../../../gateway/session/reliable/reliable-counters.ts';
import { newSessionCounters } from '../../../gateway/session/session-counters.ts';
import { Metrics } from '../../../gateway/telemetry/metrics.ts';
import { createTransportCounters } from '../../../gateway/transport/counters.ts';

function parts() {
  const router = new Router({
    nodeId: 'n',
    backplane: new MemoryBackplane(),
    limits: defaultLimits,
    clock: systemClock,
    onError: (error) => assert.ifError(error),
  });
  return {
    router,
    sessions: newSessionCounters(),
    transport: createTransportCounters(),
    reliable: {
      counters: newReliableCounters(),
      frames: new KeptFrames(1, () => undefined),
      size: 0,
      detachedCount: 0,
      takeOvers: undefined,
    },
  };
}

/** `name{labels}` to value. */
function samplesOf(page: string): Map<string, number> {
  const samples = new Map<string, number>();
  for (const line of page.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const match = /^([a-z_]+(?:\{[a-z]+="[A-Za-z0-9_.-]+"(?:,[a-z]+="[^"]*")*\})?) (\S+)$/.exec(
      line,
    );
    assert.ok(match?.[1] !== undefined, `not a sample: ${line}`);
    assert.ok(!samples.has(match[1]), `twice: ${match[1]}`);
    samples.set(match[1], Number(match[2]));
  }
  return samples;
}

describe('gateway metrics', () => {
  test('gateway metrics: names are unique, and a fresh gateway has numbers everywhere', () => {
    const sources = gatewayMetrics(parts());
    const names = sources.map(({ name }) => name);
    assert.equal(new Set(names).size, names.length);
    for (const source of sources) {
      const { help, labelNames = [], name, type } = source;
      assert.match(name, /^trunkline_[a-z_]+$/);
      assert.equal(name.endsWith('_total'), type === 'counter', name);
      assert.match(help, /^[A-Z1].*\.$/, name);
      for (const { labels = {}, value } of source.read()) {
        assert.ok(Number.isFinite(value), name);
        assert.deepEqual(Object.keys(labels), labelNames, name);
      }
    }
  });

  test('gateway metrics: the page shows what was counted, under its labels', async () => {
    const { reliable, router, sessions, transport } = parts();
    const metrics = new Metrics();
    try {
      metrics.addAll(gatewayMetrics({ reliable, router, sessions, transport }));
      sessions.open = 3;
      sessions.closes.set(4008, 2);
      sessions.refusals.set(401, 5);
      sessions.commands.joinGroup = 7;
      sessions.silentFailures = 1;
      router.counters.slowDropped['drop-oldest'] = 8;
      router.counters.slowNotices.latest = 9;
      router.counters.slowCloses['drop-and-recover'] = 10;
      transport.oversizeFrames = 4;
      transport.upgradesRejectedRate = 6;
      const samples = samplesOf(await metrics.text());
      const wanted = {
        trunkline_connections: 3,
        'trunkline_connections_closed_total{code="4008"}': 2,
        'trunkline_upgrades_refused_total{cause="401"}': 5,
        'trunkline_upgrades_refused_total{cause="rate"}': 6,
        'trunkline_commands_total{kind="joinGroup"}': 7,
        'trunkline_commands_total{kind="invoke"}': 0,
        trunkline_silent_failures_total: 1,
        'trunkline_slow_consumers_dropped_total{policy="drop-oldest"}': 8,
        'trunkline_slow_consumers_told_total{policy="latest"}': 9,
        'trunkline_slow_consumers_closed_total{cause="told_to_resume"}': 10,
        trunkline_frames_oversize_total: 4,
        trunkline_backplane_up: 0,
        trunkline_destinations: 0,
        trunkline_retained_bytes: 0,
      };
      for (const [name, value] of Object.entries(wanted))
        assert.equal(samples.get(name), value, name);
    } finally {
      metrics.close();
    }
  });

  test('gateway metrics: every plain counter of sessions and transport is on the page once', () => {
    const all = parts();
    const sources = gatewayMetrics(all);
    const sum = (): number => {
      const values = sources.flatMap((source) => Array.from(source.read(), ({ value }) => value));
      return values.reduce((total, value) => total + value, 0);
    };
    // Told apart in more detail by other counters.
    const elsewhere = ['upgradesAccepted', 'upgradesRejectedByHandler', 'socketsClosed', 'writes'];
    for (const counters of [all.sessions, all.transport]) {
      for (const [name, value] of Object.entries(counters)) {
        if (typeof value !== 'number' || elsewhere.includes(name)) continue;
        const before = sum();
        Object.assign(counters, { [name]: value + 1 });
        assert.equal(sum(), before + 1, name);
      }
    }
  });
});
