/** Results of other commands as measurements: k6, and runs with settings of the kernel. */
import { readFileSync } from 'node:fs';
import { known, type Measurement } from './data.ts';
import type { Histogram } from './histogram.ts';

/** What bench/k6/summary.ts writes of a run. */
interface K6RunRecord {
  readonly scenario: string;
  readonly backplane: string;
  readonly nodes: number;
  readonly rate: number;
  readonly invalid: readonly string[];
  readonly broken: readonly string[];
  readonly expected: number;
  readonly delivered: number;
  readonly duplicate: number;
  readonly gaps: number;
  readonly reconnects: number;
  readonly cpu: { readonly coresOf: Readonly<Record<string, number>> };
  readonly latency: Histogram;
}

/** What bench/micro/scenarios/stalled.ts writes of a run. */
interface StalledRecord {
  readonly target: string;
  readonly stalled: number;
  readonly p99Us?: number;
  readonly processPeakBytes: number;
  readonly tcpPeakBytes: number;
  readonly slabPeakBytes: number;
  readonly cpuShare: number;
  readonly isValid: boolean;
}

interface ReportFile {
  readonly sections: readonly { readonly runs: readonly unknown[] }[];
}

/** Every run of a report of `npm run bench:k6`, scenario and backplane being the target. */
export function k6Measurements(path: string): readonly Measurement[] {
  // Written by bench/k6/summary.ts, with exactly these fields.
  return (runsOf(path) as readonly K6RunRecord[]).map((run) => ({
    row: 'k6',
    target: `${run.scenario} ${run.backplane}`,
    params: { nodes: run.nodes, rate: run.rate },
    values: known({
      expected: run.expected,
      delivered: run.delivered,
      duplicate: run.duplicate,
      gaps: run.gaps,
      reconnects: run.reconnects,
      broken: run.broken.length,
      gatewayCores: run.cpu.coresOf['gateways'],
      brokerCores: run.cpu.coresOf['broker'],
      k6Cores: run.cpu.coresOf['k6'],
    }),
    latency: run.latency,
    invalid: run.invalid,
  }));
}

/** Every run of a report of `npm run bench -- stalled`. */
export function stalledMeasurements(path: string): readonly Measurement[] {
  // Written by that scenario, with exactly these fields.
  return (runsOf(path) as readonly StalledRecord[]).map((run) => ({
    row: 'stalled',
    target: run.target,
    params: { stalled: run.stalled },
    values: known({
      p99Us: run.p99Us,
      processPeakBytes: run.processPeakBytes,
      tcpPeakBytes: run.tcpPeakBytes,
      slabPeakBytes: run.slabPeakBytes,
      cpuShare: run.cpuShare,
    }),
    invalid: run.isValid ? [] : ['the generator was busy above 70 %'],
  }));
}

function runsOf(path: string): readonly unknown[] {
  // Written by bench/micro/report.ts.
  const file = JSON.parse(readFileSync(path, 'utf8')) as ReportFile;
  return file.sections.flatMap(({ runs }) => runs);
}
