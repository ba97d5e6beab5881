/** The table of a k6 report, and its files. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { inRepository } from '../micro/paths.ts';
import { toHistogram } from '../report/histogram.ts';
import { formatReport, type Report, type Section } from '../micro/report.ts';
import { mergeSamples, percentile, ratio } from '../micro/statistics.ts';
import { formatMs, formatNumber, formatShare, formatTable } from '../micro/table.ts';
import { k6Scenarios } from './catalog.ts';
import { sizesOf } from './make-plan.ts';
import type { K6Options } from './options.ts';
import type { MeasuredRun } from './verdict.ts';

const header = [
  'scenario',
  'backplane',
  'nodes',
  'messages/s',
  'expected',
  'delivered',
  'missing',
  'duplicate',
  'gaps',
  'p50 ms',
  'p95 ms',
  'p99 ms',
  'max ms',
  'gateways CPU',
  'broker CPU',
  'k6 CPU',
  'others CPU',
  'late p99 ms',
  'runs',
];

/** One row per scenario, backplane and number of nodes. */
export function summarize(options: K6Options, runs: readonly MeasuredRun[]): Section {
  const cells = new Map<string, MeasuredRun[]>();
  for (const run of runs) {
    const key = `${run.scenario} ${run.backplane} ${String(run.nodes)}`;
    cells.set(key, [...(cells.get(key) ?? []), run]);
  }
  return {
    title: 'Delivery through a cluster',
    method: methodOf(options),
    table: formatTable(header, [...cells.values()].map(rowOf)),
    notes: notesOf(runs),
    runs: runs.map(withoutSamples),
  };
}

/** A run's figures with percentiles in place of its samples. */
function withoutSamples({ result, ...rest }: MeasuredRun): unknown {
  const { deliveryUs, latenessUs, ...counts } = result;
  return {
    ...rest,
    ...counts,
    latency: toHistogram(deliveryUs),
    delivery: percentiles([deliveryUs]),
    late: percentiles([latenessUs]),
  };
}

function percentiles(parts: readonly Uint32Array[]) {
  const sorted = mergeSamples(parts);
  return {
    samples: sorted.length,
    p50Us: percentile(sorted, 0.5),
    p95Us: percentile(sorted, 0.95),
    p99Us: percentile(sorted, 0.99),
    maxUs: percentile(sorted, 1),
  };
}

function rowOf(runs: readonly MeasuredRun[]): readonly string[] {
  const valid = runs.filter(({ invalid }) => invalid.length === 0);
  const [first] = runs;
  // What was counted is true of an invalid run, too; only its times are not.
  const sum = (pick: (run: MeasuredRun) => number): number =>
    runs.reduce((total, run) => total + pick(run), 0);
  const cores = (name: string): string => {
    const used = mean(valid.map(({ cpu }) => cpu.coresOf[name] ?? 0));
    // Of nodes that are replaced meanwhile nothing is read, and there is no broker in memory.
    return used === 0 ? '–' : formatShare(used);
  };
  const delivery = percentiles(valid.map(({ result }) => result.deliveryUs));
  const late = percentiles(valid.map(({ result }) => result.latenessUs));
  return [
    first?.scenario ?? '',
    first?.backplane ?? '',
    String(first?.nodes ?? ''),
    formatNumber(first?.rate),
    formatNumber(sum(({ result }) => result.expected)),
    formatNumber(sum(({ result }) => result.delivered)),
    formatNumber(sum(({ result }) => result.expected - result.delivered)),
    formatNumber(sum(({ result }) => result.duplicate)),
    formatNumber(sum(({ result }) => result.gaps)),
    formatMs(delivery.p50Us),
    formatMs(delivery.p95Us),
    formatMs(delivery.p99Us),
    formatMs(delivery.maxUs),
    cores('gateways'),
    cores('broker'),
    cores('k6'),
    formatShare(mean(valid.map(({ cpu }) => cpu.othersCores))),
    formatMs(late.p99Us),
    `${String(valid.length)} of ${String(runs.length)}`,
  ];
}

function mean(values: readonly number[]): number | undefined {
  return ratio(
    values.reduce((total, value) => total + value, 0),
    values.length,
  );
}

function methodOf(options: K6Options): string {
  const { warmupSeconds, windowSeconds, viaNginx } = options;
  const sizes = options.scenarios.map((name) => {
    const { sockets, groups, payloadBytes } = sizesOf(k6Scenarios[name], options);
    const inGroups = k6Scenarios[name].shape === 'groups' ? ` in ${String(groups)} groups` : '';
    return `${name}: ${formatNumber(sockets)} connections${inGroups}, ${String(payloadBytes)} bytes`;
  });
  return (
    `${sizes.join('; ')}. Clients go ${viaNginx ? 'through nginx' : 'straight to the nodes'}, ` +
    `${String(warmupSeconds)} s warm-up and ${String(windowSeconds)} s measured. Open model: latency from the moment a message was due ` +
    'to its receipt, percentiles of all raw samples. Counts include the warm-up. CPU: 100 % is ' +
    'one core. Times and CPU are those of the valid runs, counts those of all.'
  );
}

function notesOf(runs: readonly MeasuredRun[]): readonly string[] {
  const name = (run: MeasuredRun): string =>
    `${run.scenario} on ${run.backplane}, ${String(run.nodes)} nodes`;
  const notes = runs.flatMap((run) =>
    run.invalid.length === 0 ? [] : [`Invalid: ${name(run)}: ${run.invalid.join(', ')}.`],
  );
  for (const run of runs) {
    const { refused, reconnects, lost } = run.result;
    if (run.broken.length > 0) notes.push(`Does not hold: ${name(run)}: ${run.broken.join(', ')}.`);
    if (refused + reconnects + lost === 0) continue;
    notes.push(
      `${name(run)}: ${String(refused)} refused, ${String(reconnects)} connections made anew, ` +
        `${String(lost)} sockets lost.`,
    );
  }
  return notes;
}

/** Writes Markdown, JSON, and the raw samples of every run as 32-bit microseconds. */
export function writeK6Report(report: Report, runs: readonly MeasuredRun[], stamp: string): string {
  const folder = inRepository('bench/results');
  mkdirSync(folder, { recursive: true });
  const base = `${folder}/${stamp}-k6`;
  writeFileSync(`${base}.md`, formatReport(report).replace('# Micro benchmarks', '# k6'));
  writeFileSync(`${base}.json`, `${JSON.stringify(report, undefined, 1)}\n`);
  for (const [index, { result }] of runs.entries()) {
    const { buffer, byteOffset, byteLength } = result.deliveryUs;
    const bytes = new Uint8Array(buffer, byteOffset, byteLength);
    writeFileSync(`${base}-run${String(index)}.u32`, bytes);
  }
  return `${base}.md`;
}
