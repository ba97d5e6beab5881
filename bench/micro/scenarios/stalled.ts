/** Readers that stall among readers that do not: memory per stalled one, latency of the others. */
import { setInterval as every } from 'node:timers/promises';
import type { BenchOptions, StalledOptions } from '../options.ts';
import { readGatewayCounters } from '../metrics-page.ts';
import { readMemory, type MemoryReading } from '../proc.ts';
import type { Progress, Section } from '../report.ts';
import { loadServer, withServer } from '../run-load.ts';
import { mergeSamples, percentile, ratio } from '../statistics.ts';
import { formatKiB, formatMs, formatNumber, formatShare, formatTable } from '../table.ts';
import type { Target } from '../target.ts';
import { chooseTargets } from '../targets.ts';
import { generatorBusyShareMax } from './fanout.ts';

const readingEveryMs = 250;

export interface StalledRun {
  readonly target: string;
  readonly stalled: number;
  readonly bytesPerReader: number;
  readonly cpuShare: number;
  readonly p50Us: number | undefined;
  readonly p99Us: number | undefined;
  /** Highest of the run minus the reading before the first message. */
  readonly processPeakBytes: number;
  readonly tcpPeakBytes: number;
  readonly slabPeakBytes: number;
  /** Most readers that the gateway saw congested at a time, and those it closed in the end. */
  readonly congestedPeak: number | undefined;
  readonly closed: number | undefined;
  readonly complete: number;
  readonly busyShare: number;
  readonly isValid: boolean;
  readonly timeline: readonly TimelineEntry[];
}

interface TimelineEntry extends MemoryReading {
  readonly ms: number;
  readonly congested: number | undefined;
  readonly retainedBytes: number | undefined;
  readonly slowConsumersClosed: number | undefined;
}

interface StalledSample {
  readonly run: StalledRun;
  readonly samplesUs: Uint32Array;
}

/** One fresh server with all connections in one group; `stalled` of them never read. */
export async function runStalled(
  target: Target,
  options: StalledOptions,
  stalled: number,
): Promise<StalledSample> {
  return await withServer(target, false, async (server) => {
    const { connections, rate, payloadBytes, seconds } = options;
    const stop = new AbortController();
    const timeline: TimelineEntry[] = [];
    const watch = async (): Promise<void> => {
      for await (const _ of every(readingEveryMs, undefined, { signal: stop.signal })) {
        timeline.push(await readTimeline(server.pid, server.port, target.hasMetrics));
      }
    };
    let watching: Promise<unknown> = Promise.resolve();
    const result = await loadServer(
      server,
      {
        target,
        clients: { connections, groupSize: connections, join: true },
        generator: {
          rate,
          stalled,
          publishers: 1,
          payload: payloadBytes,
          warmup: 1,
          duration: seconds,
          drain: 5,
          sampled: 50,
          lazyMs: 20,
          limit: seconds + 60,
        },
      },
      {
        onReady: async () => {
          timeline.push(await readTimeline(server.pid, server.port, target.hasMetrics));
          watching = watch().catch((error: unknown) => error);
        },
        onMeasured: () => {
          stop.abort();
        },
      },
    );
    await watching;
    const sorted = mergeSamples([result.samplesUs]);
    const run: StalledRun = {
      target: target.name,
      stalled,
      bytesPerReader: result.bytes / (connections - stalled),
      cpuShare: result.serverCpuSeconds / result.seconds,
      p50Us: percentile(sorted, 0.5),
      p99Us: percentile(sorted, 0.99),
      processPeakBytes: rise(timeline, (entry) => entry.rssBytes),
      tcpPeakBytes: rise(timeline, (entry) => entry.tcpBytes),
      slabPeakBytes: rise(timeline, (entry) => entry.slabBytes),
      congestedPeak: highest(timeline.map((entry) => entry.congested)),
      closed: highest(timeline.map((entry) => entry.slowConsumersClosed)),
      complete: result.delivered / result.expected,
      busyShare: result.busyShare,
      isValid: result.busyShare <= generatorBusyShareMax,
      timeline,
    };
    return { run, samplesUs: sorted };
  });
}

async function readTimeline(
  pid: number,
  port: number,
  hasMetrics: boolean,
): Promise<TimelineEntry> {
  const counters = hasMetrics ? await readGatewayCounters(port) : undefined;
  return {
    ms: Math.round(performance.now()),
    ...readMemory(pid),
    congested: counters?.congested,
    retainedBytes: counters?.retainedBytes,
    slowConsumersClosed: counters?.slowConsumersClosed,
  };
}

function rise(timeline: readonly TimelineEntry[], pick: (entry: TimelineEntry) => number): number {
  const values = timeline.map(pick);
  return Math.max(...values) - (values[0] ?? 0);
}

function highest(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : Math.max(...known);
}

/** Runs without and with stalled readers in turn. */
export async function measureStalled(options: BenchOptions, progress: Progress): Promise<Section> {
  const targets = chooseTargets(options.targets.filter((name) => name === 'gateway'));
  const { stalled, connections, rate, payloadBytes, seconds } = options.stalled;
  const samples: StalledSample[] = [];
  for (let repeat = 0; repeat < Math.min(options.repeats, 2); repeat++) {
    for (const target of targets) {
      for (const count of [0, stalled]) {
        const sample = await runStalled(target, options.stalled, count);
        samples.push(sample);
        const { p99Us, busyShare } = sample.run;
        progress(
          `stalled ${target.name}, ${String(count)} stalled: p99 ${formatMs(p99Us)} ms, ` +
            `generator busy ${formatShare(busyShare)}`,
        );
      }
    }
  }
  const runs = samples.map(({ run }) => run);
  return {
    title: 'Stalled readers',
    method:
      `${formatNumber(connections)} members of one group, of whom ${formatNumber(stalled)} never ` +
      `read; ${String(rate)} messages/s of ${formatNumber(payloadBytes)} bytes for ` +
      `${String(seconds)} s. The same run with everybody reading stands beside it. Memory is the ` +
      `highest of readings every ${String(readingEveryMs)} ms minus the one before the first ` +
      'message.',
    table: stalledTable(samples, stalled),
    notes: stalledNotes(runs, stalled),
    runs,
  };
}

function stalledTable(samples: readonly StalledSample[], stalled: number): string {
  const rows = [0, stalled].map((count) => {
    const own = samples.filter(({ run }) => run.stalled === count && run.isValid);
    const runs = own.map(({ run }) => run);
    const sorted = mergeSamples(own.map(({ samplesUs }) => samplesUs));
    const mean = (pick: (run: StalledRun) => number): number | undefined =>
      ratio(
        runs.reduce((total, run) => total + pick(run), 0),
        runs.length,
      );
    return [
      count === 0 ? 'nobody stalls' : `${formatNumber(count)} stall`,
      formatNumber(
        mean((run) => run.bytesPerReader / 1e6),
        1,
      ),
      formatShare(mean((run) => run.cpuShare)),
      formatMs(percentile(sorted, 0.5)),
      formatMs(percentile(sorted, 0.99)),
      formatKiB(mean((run) => run.processPeakBytes)),
      formatKiB(mean((run) => run.tcpPeakBytes)),
      formatNumber(highest(runs.map((run) => run.congestedPeak))),
      formatNumber(highest(runs.map((run) => run.closed))),
      formatShare(mean((run) => run.busyShare)),
    ];
  });
  const header = [
    '',
    'MB per reader',
    'CPU',
    'p50 ms',
    'p99 ms',
    'process KiB',
    'TCP KiB',
    'congested',
    'closed',
    'generator',
  ];
  return formatTable(header, rows);
}

function stalledNotes(runs: readonly StalledRun[], stalled: number): string[] {
  const largest = (count: number, pick: (run: StalledRun) => number): number =>
    Math.max(0, ...runs.filter((run) => run.stalled === count && run.isValid).map(pick));
  const per = (pick: (run: StalledRun) => number): number =>
    (largest(stalled, pick) - largest(0, pick)) / stalled;
  return [
    `Per stalled reader, above the run in which everybody reads: process ` +
      `${formatKiB(per((run) => run.processPeakBytes))} KiB, TCP buffers of both ends ` +
      `${formatKiB(per((run) => run.tcpPeakBytes))} KiB, kernel slab ` +
      `${formatKiB(per((run) => run.slabPeakBytes))} KiB.`,
  ];
}
