/** The committed baseline of ratios, and the verdict on new ones. */
import { readFileSync, writeFileSync } from 'node:fs';
import { inRepository } from '../micro/paths.ts';
import { median } from '../micro/statistics.ts';

export interface BaselineRatio {
  readonly value: number;
  /** How far above `value` a new one may be, as a share of it. */
  readonly tolerance: number;
  /** Of each series of runs that the two come from. */
  readonly observed: readonly number[];
}

export interface Baseline {
  readonly date: string;
  readonly machine: string;
  readonly ratios: Readonly<Record<string, BaselineRatio>>;
}

export const baselinePath = inRepository('bench/baseline.json');

/** Below this a tolerance says more about luck than about noise. */
const toleranceMin = 0.1;

/** @throws Error when there is none. */
export function readBaseline(path = baselinePath): Baseline {
  // Written by writeBaseline.
  return JSON.parse(readFileSync(path, 'utf8')) as Baseline;
}

export function writeBaseline(baseline: Baseline, path = baselinePath): void {
  writeFileSync(path, `${JSON.stringify(baseline, undefined, 2)}\n`);
}

/**
 * A baseline out of the ratios of several series: the median, and as tolerance twice the largest
 * distance from it that was seen.
 */
export function baselineOf(observed: readonly number[]): BaselineRatio | undefined {
  const value = median(observed);
  if (value === undefined) return undefined;
  const distances = observed.map((each) => Math.abs(each - value) / value);
  const tolerance = Math.max(toleranceMin, 2 * Math.max(...distances));
  const rounded = (number: number): number => Math.round(number * 1000) / 1000;
  return { value: rounded(value), tolerance: rounded(tolerance), observed: observed.map(rounded) };
}

export type Verdict = 'held' | 'worse' | 'better' | 'unmeasured';

/** Better by more than the tolerance is a reason to renew the baseline, not to fail. */
export function judge(
  value: number | undefined,
  { tolerance, value: before }: BaselineRatio,
): Verdict {
  if (value === undefined) return 'unmeasured';
  if (value > before * (1 + tolerance)) return 'worse';
  return value < before * (1 - tolerance) ? 'better' : 'held';
}
