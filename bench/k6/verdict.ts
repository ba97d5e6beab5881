/** One measured run, and why it may not count. */
import type { BackplaneName } from '../cluster/options.ts';
import { mergeSamples, percentile } from '../micro/statistics.ts';
import { coreCount, type CpuUse } from '../micro/cpu-window.ts';
import type { K6Result } from './k6-process.ts';
import type { K6ScenarioName } from './options.ts';

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

function percent(share: number): string {
  return `${String(Math.round(share * 100))} %`;
}
