/** One measured run, and why it may not count. */
import type { BackplaneName } from '../cluster/options.ts';
import { mergeSamples, percentile } from '../micro/statistics.ts';
import { coreCount, type CpuUse } from '../micro/cpu-window.ts';
import type { K6Result } from './k6-process.ts';
import type { K6ScenarioName } from './catalog.ts';

export interface K6Cell {
  readonly scenario: K6ScenarioName;
  readonly backplane: BackplaneName;
  readonly nodes: number;
}

export interface MeasuredRun extends K6Cell {
  readonly rate: number;
  readonly result: K6Result;
  readonly cpu: CpuUse;
  /** Sentences; a run without any counts. */
  readonly invalid: readonly string[];
  /** Sentences about what the run promises and did not hold. */
  readonly broken: readonly string[];
}

/** Of all cores together. */
const k6ShareMax = 0.7;
const idleShareMin = 0.05;
const latenessUsMax = 50_000;

/**
 * Why figures of this run say more about the load generator or the machine than about the gateway.
 * Missing or doubled messages are results, not reasons.
 */
export function whyInvalid(result: K6Result, cpu: CpuUse): readonly string[] {
  const reasons: string[] = [];
  const k6Share = (cpu.coresOf['k6'] ?? 0) / coreCount;
  if (k6Share > k6ShareMax) reasons.push(`k6 used ${percent(k6Share)} of all cores`);
  if (cpu.idleShare < idleShareMin) {
    reasons.push(`the machine was idle for only ${percent(cpu.idleShare)} of the time`);
  }
  const late = percentile(mergeSamples([result.latenessUs]), 0.99) ?? 0;
  if (late > latenessUsMax) {
    reasons.push(`k6 sent late (p99 ${String(Math.round(late / 1000))} ms)`);
  }
  if (result.unready > 0) {
    reasons.push(`${String(result.unready)} sockets were not connected in time`);
  }
  return reasons;
}

/** Where Azure's performance guide stops: beyond it a load is not held. */
const p99UsMax = 1_000_000;

/** What does not hold: everything is delivered, once, in order, to the right one, and in time. */
export function whatBroke(
  result: K6Result,
  { isOrdered, isValid }: { readonly isOrdered: boolean; readonly isValid: boolean },
): readonly string[] {
  const broken: string[] = [];
  const missing = result.expected - result.delivered;
  if (missing > 0) broken.push(`${String(missing)} missing`);
  for (const what of ['duplicate', 'misdelivered', 'gaps'] as const) {
    if (result[what] > 0) broken.push(`${String(result[what])} ${what}`);
  }
  if (isOrdered && result.outOfOrder > 0) broken.push(`${String(result.outOfOrder)} out of order`);
  const p99 = percentile(mergeSamples([result.deliveryUs]), 0.99) ?? 0;
  if (isValid && p99 >= p99UsMax) broken.push(`p99 ${String(Math.round(p99 / 1000))} ms`);
  return broken;
}

function percent(share: number): string {
  return `${String(Math.round(share * 100))} %`;
}
