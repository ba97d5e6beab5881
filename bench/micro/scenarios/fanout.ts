/** Fan-out of one group at fixed rates: CPU, latency, and deliveries per CPU-second beside them. */
import type { BenchOptions } from '../options.ts';
import type { Progress, Section } from '../report.ts';
import { runLoad } from '../run-load.ts';
import { mergeSamples, percentile, ratio, spread } from '../statistics.ts';
import { formatMs, formatNumber, formatRatio, formatShare, formatTable } from '../table.ts';
import type { Target } from '../target.ts';
import { chooseTargets } from '../targets.ts';

/** Above this share of its time the generator, not the server, may be what is measured. */
export const generatorBusyShareMax = 0.7;

export interface FanoutRun {
  readonly target: string;
  readonly rate: number;
  readonly cpuShare: number;
  readonly serverCpuSeconds: number;
  readonly framesInWindow: number;
  readonly deliveriesPerCpuSecond: number;
  readonly bytesInWindow: number;
  readonly p50Us: number | undefined;
  readonly p99Us: number | undefined;
  readonly writes: number | undefined;
  readonly deliveries: number | undefined;
  /** Delivered of expected, when the run had ended and a grace had passed. */
  readonly complete: number;
  readonly duplicates: number;
  readonly outOfOrder: number;
  readonly busyShare: number;
  readonly isValid: boolean;
}

/** A run with its raw samples, which the report leaves out. */
export interface SampledRun {
  readonly run: FanoutRun;
  readonly samplesUs: Uint32Array;
}

/** One run of a fresh server at one rate. */
export async function runFanout(
  target: Target,
  rate: number,
  options: BenchOptions,
): Promise<SampledRun> {
  const { subscribers, payloadBytes, publishers } = options;
  const { result, writes, deliveries } = await runLoad({
    target,
    clients: { connections: subscribers, groupSize: subscribers, join: true },
    generator: {
      rate,
      publishers,
      payload: payloadBytes,
      warmup: options.warmupSeconds,
      duration: options.windowSeconds,
      drain: 2,
      sampled: 50,
      lazyMs: 40,
      limit: 60,
    },
  });
  const sorted = mergeSamples([result.samplesUs]);
  const run: FanoutRun = {
    target: target.name,
    rate,
    cpuShare: result.serverCpuSeconds / result.seconds,
    serverCpuSeconds: result.serverCpuSeconds,
    framesInWindow: result.framesInWindow,
    deliveriesPerCpuSecond: result.framesInWindow / result.serverCpuSeconds,
    bytesInWindow: result.bytesInWindow,
    p50Us: percentile(sorted, 0.5),
    p99Us: percentile(sorted, 0.99),
    writes,
    deliveries,
    complete: result.delivered / result.expected,
    duplicates: result.duplicates,
    outOfOrder: result.outOfOrder,
    busyShare: result.busyShare,
    isValid: result.busyShare <= generatorBusyShareMax,
  };
  return { run, samplesUs: sorted };
}

/** All targets at all rates, alternated: A B C, B C A, and so on. */
export async function measureFanout(options: BenchOptions, progress: Progress): Promise<Section> {
  const targets = chooseTargets(options.targets);
  const runs: SampledRun[] = [];
  for (const rate of options.rates) {
    for (let repeat = 0; repeat < options.repeats; repeat++) {
      const from = repeat % targets.length;
      for (const target of [...targets.slice(from), ...targets.slice(0, from)]) {
        const sampled = await runFanout(target, rate, options);
        runs.push(sampled);
        progress(describeRun('fanout', sampled.run));
      }
    }
  }
  const { subscribers, payloadBytes, publishers, windowSeconds, repeats } = options;
  return {
    title: 'Fan-out of one group at fixed rates',
    method:
      `${formatNumber(subscribers)} subscribers of one group, ${String(publishers)} publishers, ` +
      `${String(payloadBytes)} bytes of user data, ${String(repeats)} alternated runs of ` +
      `${String(windowSeconds)} s each, a fresh server per run. CPU is user and system time of ` +
      'the server process. Latency from the intended send time to the read, raw samples of 50 ' +
      'subscribers merged over the runs.',
    table: fanoutTable(options, runs),
    notes: fanoutNotes(runs.map(({ run }) => run)),
    runs: runs.map(({ run }) => run),
  };
}

/** One line about a run, for whoever waits. */
export function describeRun(scenario: string, run: FanoutRun): string {
  return (
    `${scenario} ${run.target} ${String(run.rate)}/s: CPU ${formatShare(run.cpuShare)}, ` +
    `${formatNumber(run.deliveriesPerCpuSecond)} deliveries/CPU-s, p99 ${formatMs(run.p99Us)} ms, ` +
    `complete ${formatShare(run.complete, 1)}, generator busy ${formatShare(run.busyShare)}` +
    (run.isValid ? '' : ' (discarded)')
  );
}

function fanoutTable(options: BenchOptions, runs: readonly SampledRun[]): string {
  const header = [
    'server',
    'messages/s',
    'CPU',
    'deliveries/CPU-s',
    'spread',
    'p50 ms',
    'p99 ms',
    'writes',
    'complete',
    'generator',
    'gateway is',
  ];
  const rows = options.rates.flatMap((rate) => {
    const perTarget = options.targets.map((name) => summarize(runs, name, rate));
    const own = perTarget.find(({ target }) => target === 'gateway');
    return perTarget.map((row) => [
      row.target,
      formatNumber(rate),
      formatShare(row.cpuShare),
      formatNumber(row.perCpuSecond),
      formatShare(row.spread),
      formatMs(row.p50Us),
      formatMs(row.p99Us),
      formatNumber(row.writes),
      formatShare(row.complete, 1),
      formatShare(row.busyShare),
      row === own ? '' : formatRatio(ratio(own?.perCpuSecond, row.perCpuSecond)),
    ]);
  });
  return formatTable(header, rows);
}

export interface FanoutSummary {
  readonly target: string;
  readonly cpuShare: number | undefined;
  readonly perCpuSecond: number | undefined;
  readonly spread: number;
  readonly p50Us: number | undefined;
  readonly p99Us: number | undefined;
  readonly writes: number | undefined;
  readonly deliveries: number | undefined;
  readonly bytesPerDelivery: number | undefined;
  readonly complete: number | undefined;
  readonly busyShare: number | undefined;
}

/** The valid runs of one cell: totals over totals, percentiles of all samples. */
export function summarize(
  runs: readonly SampledRun[],
  target: string,
  rate: number,
): FanoutSummary {
  const valid = runs.filter(({ run }) => run.target === target && run.rate === rate && run.isValid);
  const sum = (pick: (run: FanoutRun) => number): number =>
    valid.reduce((total, { run }) => total + pick(run), 0);
  const mean = (pick: (run: FanoutRun) => number): number | undefined =>
    ratio(sum(pick), valid.length);
  const sorted = mergeSamples(valid.map(({ samplesUs }) => samplesUs));
  const tellsWrites = valid.every(({ run }) => run.writes !== undefined);
  return {
    target,
    cpuShare: mean((run) => run.cpuShare),
    perCpuSecond: ratio(
      sum((run) => run.framesInWindow),
      sum((run) => run.serverCpuSeconds),
    ),
    spread: spread(valid.map(({ run }) => run.deliveriesPerCpuSecond)),
    p50Us: percentile(sorted, 0.5),
    p99Us: percentile(sorted, 0.99),
    writes: tellsWrites ? mean((run) => run.writes ?? 0) : undefined,
    deliveries: tellsWrites ? mean((run) => run.deliveries ?? 0) : undefined,
    bytesPerDelivery: ratio(
      sum((run) => run.bytesInWindow),
      sum((run) => run.framesInWindow),
    ),
    complete: mean((run) => run.complete),
    busyShare: mean((run) => run.busyShare),
  };
}

/** What a reader of a table of such runs must know. */
export function fanoutNotes(runs: readonly FanoutRun[]): string[] {
  const discarded = runs.filter((run) => !run.isValid);
  const saturated = runs.filter((run) => run.isValid && run.complete < 0.999);
  const wrong = runs.filter((run) => run.duplicates + run.outOfOrder > 0);
  const name = (run: FanoutRun): string => `${run.target} at ${formatNumber(run.rate)}/s`;
  const list = (some: readonly FanoutRun[]): string => [...new Set(some.map(name))].join(', ');
  const notes = [
    'Deliveries per CPU-second of a loop that batches by itself mean something only with the CPU ' +
      'and the p99 beside them: near 100 % CPU a higher rate is a higher figure.',
  ];
  if (runs.some(({ target }) => target === 'topics-deferred')) {
    notes.push(
      'topics publishes inside the message handler, topics-deferred after the reads of a turn ' +
        '(why: bench/README.md). The honest yardstick is the better of the two.',
    );
  }
  if (saturated.length > 0) notes.push(`Saturated, not all was delivered: ${list(saturated)}.`);
  if (discarded.length > 0) {
    notes.push(`Discarded, the generator was busy above 70 %: ${list(discarded)}.`);
  }
  if (wrong.length > 0) notes.push(`Duplicates or inversions seen: ${list(wrong)}.`);
  return notes;
}
