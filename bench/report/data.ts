/** The raw data of a report: what every run gave, with nothing summed up yet. */
import { readFileSync, writeFileSync } from 'node:fs';
import { median, ratio } from '../micro/statistics.ts';
import { mergeHistograms, percentileOf, type Histogram } from './histogram.ts';

/** Figures by name, units last: `cpuShare`, `serverCpuSeconds`. */
export type Values = Readonly<Record<string, number>>;

/** One run. */
export interface Measurement {
  /** What was measured: `fanout`, `idle`, `cross`. */
  readonly row: string;
  readonly target: string;
  readonly params: Values;
  readonly values: Values;
  /** Microseconds; of runs that time messages. */
  readonly latency?: Histogram;
  /** Why it does not count, in a few words each; a run without any counts. */
  readonly invalid: readonly string[];
}

export interface RawData {
  readonly version: 1;
  readonly command: string;
  readonly startedAt: string;
  readonly seconds: number;
  readonly machine: Readonly<Record<string, string>>;
  readonly measurements: readonly Measurement[];
  /** What could not be measured, and why. */
  readonly missing: readonly string[];
}

/** Leaves out what is not known. */
export function known(values: Readonly<Record<string, number | undefined>>): Values {
  const entries = Object.entries(values).flatMap(([name, value]) =>
    value === undefined || !Number.isFinite(value) ? [] : [[name, value] as const],
  );
  return Object.fromEntries(entries);
}

/** One run a line, so that differences between versions can be read. */
export function writeRawData(path: string, data: RawData): void {
  const { measurements, ...head } = data;
  const lines = measurements.map((each) => JSON.stringify(each)).join(',\n');
  const text = JSON.stringify(head, undefined, 1).replace(/\n}$/, '');
  writeFileSync(path, `${text},\n "measurements": [\n${lines}\n]}\n`);
}

/** @throws Error when the file is of another version, or none of ours. */
export function readRawData(path: string): RawData {
  // Written by this program; the version says by which.
  const data = JSON.parse(readFileSync(path, 'utf8')) as RawData;
  if (data.version === 1 && Array.isArray(data.measurements)) return data;
  throw new Error(`${path} is no raw data of a report: make it by "npm run bench:report"`);
}

/** The runs of one cell that count. */
export class Cell {
  readonly runs: readonly Measurement[];
  /** Runs that were left out. */
  readonly invalid: number;

  constructor(
    measurements: readonly Measurement[],
    row: string,
    target: string,
    params: Values = {},
  ) {
    const all = measurements.filter(
      (each) =>
        each.row === row &&
        each.target === target &&
        Object.entries(params).every(([name, value]) => each.params[name] === value),
    );
    this.runs = all.filter(({ invalid }) => invalid.length === 0);
    this.invalid = all.length - this.runs.length;
  }

  /** Undefined where no run of the cell counts, or none has it. */
  median(name: string): number | undefined {
    return median(this.runs.flatMap(({ values }) => values[name] ?? []));
  }

  /** Of all runs together; undefined where nothing counts. */
  total(name: string): number | undefined {
    const all = this.runs.flatMap(({ values }) => values[name] ?? []);
    return all.length === 0 ? undefined : all.reduce((sum, value) => sum + value, 0);
  }

  /** Totals over totals. */
  quotient(numerator: string, denominator: string): number | undefined {
    return ratio(this.total(numerator), this.total(denominator));
  }

  /** Microseconds, of all samples of all runs together. */
  latency(share: number): number | undefined {
    return percentileOf(mergeHistograms(this.runs.map(({ latency }) => latency ?? [])), share);
  }
}
