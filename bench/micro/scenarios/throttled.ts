/** Members that read at a trickle: the others' latency, and what befalls the slow by each policy. */
import type { SlowConsumerPolicy } from '../../../gateway/config.ts';
import type { BenchOptions } from '../options.ts';
import type { Progress, Section } from '../report.ts';
import { mergeSamples, percentile, ratio } from '../statistics.ts';
import {
  runThrottled,
  type SampledThrottledRun,
  type ThrottledRun,
} from '../streams/run-throttled.ts';
import {
  formatKiB,
  formatMs,
  formatNumber,
  formatRatio,
  formatShare,
  formatTable,
} from '../table.ts';

const repeatsMax = 2;

/** Each policy without any throttled reader, with one and with many, in turn. */
export async function measureThrottled(
  options: BenchOptions,
  progress: Progress,
): Promise<Section> {
  const { throttled } = options;
  const { policies } = throttled;
  const repeats = Math.min(options.repeats, repeatsMax);
  const samples: SampledThrottledRun[] = [];
  for (let repeat = 0; repeat < repeats; repeat++) {
    for (const policy of policies) {
      for (const count of [0, ...throttled.throttled]) {
        const sampled = await runThrottled(policy, count, throttled);
        samples.push(sampled);
        progress(describe(sampled.run));
      }
    }
  }
  const { bytesPerSecond, connections, payloadBytes, rate, seconds } = throttled;
  const runs = samples.map(({ run }) => run);
  return {
    title: 'Throttled readers of a busy stream',
    method:
      `${formatNumber(connections)} members of one stream (memory store), trunkline.v1.json, ` +
      `${String(rate)} messages/s of ${formatNumber(payloadBytes)} bytes for ${String(seconds)} s; ` +
      `some of them read ${formatNumber(bytesPerSecond)} bytes/s, a tenth of what is sent to them or ` +
      `less, with a receive buffer of 32 KiB. ${String(repeats)} runs per cell, in turn, a fresh ` +
      'gateway for each. Latency is that of the others. Memory is the highest of readings every ' +
      '250 ms minus the one before the first message. When the window is over the throttled ones ' +
      'read on at full speed, up to what they were told last.',
    table: [
      '**The others**',
      othersTable(options, samples),
      '**The throttled**',
      toldTable(options, runs),
    ].join('\n\n'),
    notes: notesOf(runs),
    runs,
  };
}

function describe(run: ThrottledRun): string {
  return (
    `throttled ${run.policy}, ${String(run.throttled)} throttled: p99 ${formatMs(run.p99Us)} ms, ` +
    `CPU ${formatShare(run.cpuShare)}, complete ${formatShare(run.complete, 1)}, told ` +
    `${String(run.gaps)}, closed ${JSON.stringify(run.closeCodes)}, generator busy ` +
    formatShare(run.busyShare)
  );
}

function cellsOf(
  samples: readonly SampledThrottledRun[],
  policy: SlowConsumerPolicy,
  throttled: number,
): readonly SampledThrottledRun[] {
  return samples.filter(
    ({ run }) => run.policy === policy && run.throttled === throttled && run.isValid,
  );
}

function mean(
  runs: readonly ThrottledRun[],
  pick: (run: ThrottledRun) => number | undefined,
): number | undefined {
  const known = runs.map(pick).filter((value) => value !== undefined);
  return ratio(
    known.reduce((sum, value) => sum + value, 0),
    known.length,
  );
}

function othersTable(options: BenchOptions, samples: readonly SampledThrottledRun[]): string {
  const header = [
    'policy',
    'throttled',
    'CPU',
    'p50 ms',
    'p99 ms',
    'p50 is',
    'p99 is',
    'complete',
  ].concat(['process KiB', 'TCP KiB', 'process KiB per throttled', 'generator']);
  const rows = options.throttled.policies.flatMap((policy) => {
    const alone = cellsOf(samples, policy, 0);
    const aloneUs = mergeSamples(alone.map(({ samplesUs }) => samplesUs));
    const aloneRuns = alone.map(({ run }) => run);
    return [0, ...options.throttled.throttled].map((count) => {
      const cell = cellsOf(samples, policy, count);
      const runs = cell.map(({ run }) => run);
      const sorted = mergeSamples(cell.map(({ samplesUs }) => samplesUs));
      const against = (share: number): string =>
        count === 0
          ? ''
          : formatRatio(ratio(percentile(sorted, share), percentile(aloneUs, share)));
      const process = mean(runs, (run) => run.processPeakBytes);
      const more = (process ?? 0) - (mean(aloneRuns, (run) => run.processPeakBytes) ?? 0);
      return [
        policy,
        formatNumber(count),
        formatShare(mean(runs, (run) => run.cpuShare)),
        formatMs(percentile(sorted, 0.5)),
        formatMs(percentile(sorted, 0.99)),
        against(0.5),
        against(0.99),
        formatShare(
          mean(runs, (run) => run.complete),
          1,
        ),
        formatKiB(process),
        formatKiB(mean(runs, (run) => run.tcpPeakBytes)),
        count === 0 ? '' : formatKiB(more / count),
        formatShare(mean(runs, (run) => run.busyShare)),
      ];
    });
  });
  return formatTable(header, rows);
}

function toldTable(options: BenchOptions, all: readonly ThrottledRun[]): string {
  const header = ['policy', 'throttled', 'congested', 'retained KiB', 'closed 4008', 'closed 4009']
    .concat(['closed as stalled', 'send buffer full', 'dropped', 'notices'])
    .concat([
      'client: messages',
      'client: gaps',
      'client: dropped told',
      'client: close codes',
      'client: cut',
    ]);
  const rows = options.throttled.policies.flatMap((policy) =>
    options.throttled.throttled.map((count) => {
      const runs = all.filter(
        (run) => run.policy === policy && run.throttled === count && run.isValid,
      );
      const counter = (pick: (run: ThrottledRun) => number | undefined): string =>
        formatNumber(mean(runs, pick));
      return [
        policy,
        formatNumber(count),
        counter((run) => run.counters.congested),
        formatKiB(mean(runs, (run) => run.counters.retainedBytes)),
        counter((run) => run.counters.fellBehind),
        counter((run) => run.counters.toldToResume),
        counter((run) => run.counters.stalled),
        counter((run) => run.counters.sendBufferFull),
        counter((run) => run.counters.dropped),
        counter((run) => run.counters.told),
        counter((run) => run.messages),
        counter((run) => run.gaps),
        counter((run) => run.gapDropped),
        runs.map((run) => codesText(run.closeCodes)).join('; '),
        counter((run) => run.cut),
      ];
    }),
  );
  return formatTable(header, rows);
}

function codesText(codes: Readonly<Record<string, number>>): string {
  const parts = Object.entries(codes).map(([code, count]) => `${code} × ${String(count)}`);
  return parts.length === 0 ? 'none' : parts.join(', ');
}

function notesOf(runs: readonly ThrottledRun[]): string[] {
  const name = (run: ThrottledRun): string => `${run.policy} with ${String(run.throttled)}`;
  const list = (some: readonly ThrottledRun[]): string => [...new Set(some.map(name))].join(', ');
  const notes = [
    'Columns of the gateway are those of its /metrics at the end of the window, means over the runs; ' +
      'those of the client are what the throttled connections read until 5 s later. "congested" is ' +
      'how many lagged just then, "retained" what the gateway kept for all of them together.',
    '"cut" are throttled connections whose end came without a close frame: the gateway sends one ' +
      'behind what is buffered, and cuts who has not read up to it within half the idle timeout.',
    'Where nobody is throttled the process grows, too: the memory store fills.',
  ];
  const discarded = runs.filter((run) => !run.isValid);
  const incomplete = runs.filter((run) => run.isValid && run.complete < 0.999);
  const spared = runs.filter(
    ({ counters, throttled, policy }) =>
      throttled > 0 && (counters.dropped ?? 0) === 0 && policy === 'drop-oldest',
  );
  if (discarded.length > 0) notes.push(`The generator was busy above 70 %: ${list(discarded)}.`);
  if (incomplete.length > 0) notes.push(`The others did not get everything: ${list(incomplete)}.`);
  if (spared.length > 0) {
    notes.push(
      'The buffers of the kernel took so much that no policy had to act; run longer, or with ' +
        `--tcp-wmem: ${list(spared)}.`,
    );
  }
  return notes;
}
