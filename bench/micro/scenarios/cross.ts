/** User-to-user over two nodes and a broker: CPU at equal loads, highest rate, added latency. */
import type { CrossTarget } from '../cross/target.ts';
import { crossTargets } from '../cross/targets.ts';
import {
  equalLoadTable,
  latencyTable,
  notesOf,
  saturationTable,
  type Best,
} from '../cross/tables.ts';
import { runCross, type CrossRun, type SampledCrossRun } from '../cross/run-cross.ts';
import type { BenchOptions } from '../options.ts';
import { RateSearch, type RateOutcome } from '../rate-search.ts';
import type { Progress, Section } from '../report.ts';
import { formatMs, formatNumber, formatShare } from '../table.ts';

const p99UsMax = 100_000;
const completeMin = 0.9999;
const searchStart = 8000;
/** Coarse: the runs of one cell differ by as much on a machine that is not alone. */
const searchPrecision = 1.2;

export async function measureCross(options: BenchOptions, progress: Progress): Promise<Section> {
  const targets = crossTargets(options.crossTargets);
  const equal = await measureEqualLoads(targets, options, progress);
  const best = await searchHighest(targets, options, progress);
  const half = await measureHalfLoad(best.found, options, progress);
  const all = [...equal.map(({ run }) => run), ...best.runs, ...half.map(({ run }) => run)];
  const { pairs, payloadBytes, windowSeconds, repeats } = options;
  return {
    title: 'User-to-user over two nodes',
    method:
      `${formatNumber(pairs)} pairs: sender i on the first node, its receiver on the second; ` +
      `${String(payloadBytes)} bytes of user data, ${String(windowSeconds)} s measured, every ` +
      'message timed from the intended send to the read and ticked off. Fresh servers and a fresh ' +
      `broker per run, targets take turns, ${String(repeats)} runs per cell. CPU is user and ` +
      'system time; "nodes" is both server processes together. One core is 100 %.',
    table: [
      '**Equal load**',
      equalLoadTable(options, equal),
      '**Highest rate with p99 < 100 ms and nothing missing**',
      saturationTable(best.found),
      "**Latency at half of that rate, and the broker's own round trip at the same rate**",
      latencyTable(half),
    ].join('\n\n'),
    notes: notesOf(all, half),
    runs: all,
  };
}

async function measureEqualLoads(
  targets: readonly CrossTarget[],
  options: BenchOptions,
  progress: Progress,
): Promise<readonly SampledCrossRun[]> {
  const runs: SampledCrossRun[] = [];
  for (const rate of options.crossRates) {
    for (let repeat = 0; repeat < options.repeats; repeat++) {
      const from = repeat % targets.length;
      for (const target of [...targets.slice(from), ...targets.slice(0, from)]) {
        const sampled = await runCross(target, rate, options);
        runs.push(sampled);
        progress(describe('equal load', sampled.run));
      }
    }
  }
  return runs;
}

async function searchHighest(
  targets: readonly CrossTarget[],
  options: BenchOptions,
  progress: Progress,
): Promise<{ readonly found: readonly Best[]; readonly runs: readonly CrossRun[] }> {
  const found: Best[] = targets.map((target) => ({
    target,
    search: new RateSearch({ start: searchStart, precision: searchPrecision }),
  }));
  const runs: CrossRun[] = [];
  for (;;) {
    const open = found.filter(({ search }) => search.next !== undefined);
    if (open.length === 0) return { found, runs };
    for (const best of open) {
      const rate = best.search.next;
      if (rate === undefined) continue;
      const { run } = await runCross(best.target, rate, options);
      runs.push(run);
      const outcome = outcomeOf(run);
      if (outcome === 'held') best.run = run;
      best.search.tell(outcome);
      progress(describe(`search (${outcome})`, run));
    }
  }
}

function outcomeOf(run: CrossRun): RateOutcome {
  const held = run.p99Us !== undefined && run.p99Us < p99UsMax && run.complete >= completeMin;
  if (held) return 'held';
  return run.isValid ? 'failed' : 'unmeasurable';
}

async function measureHalfLoad(
  found: readonly Best[],
  options: BenchOptions,
  progress: Progress,
): Promise<readonly SampledCrossRun[]> {
  const runs: SampledCrossRun[] = [];
  for (let repeat = 0; repeat < options.repeats; repeat++) {
    for (const { target, search } of found) {
      if (search.best === undefined) continue;
      const sampled = await runCross(target, Math.round(search.best / 2), options, true);
      runs.push(sampled);
      progress(describe('half load', sampled.run));
    }
  }
  return runs;
}

function describe(what: string, run: CrossRun): string {
  const cpu = (run.senderCpuSeconds + run.receiverCpuSeconds) / run.seconds;
  return (
    `cross ${what}: ${run.target} ${formatNumber(run.rate)}/s: CPU ${formatShare(cpu)}, broker ` +
    `${formatShare(run.brokerCpuSeconds / run.seconds)}, p99 ${formatMs(run.p99Us)} ms, complete ` +
    `${formatShare(run.complete, 2)}, generator busy ${formatShare(run.busyShare)}, ` +
    `others ${formatShare(run.othersCores)}`
  );
}
