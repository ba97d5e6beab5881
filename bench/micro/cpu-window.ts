/** CPU time of the processes of a run between two moments, and how busy the machine was otherwise. */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { readCpuSeconds } from './proc.ts';

/** Process ids by what they are in the report. */
export type Processes = Readonly<Record<string, readonly number[]>>;

export interface CpuReading {
  readonly atMs: number;
  readonly secondsOf: Readonly<Record<string, number>>;
  readonly idleTicks: number;
  readonly allTicks: number;
}

export interface CpuUse {
  readonly seconds: number;
  /** CPU seconds per second, by what used them: 1 is one core. */
  readonly coresOf: Readonly<Record<string, number>>;
  /** Share of the machine's time in which no core had work. */
  readonly idleShare: number;
  /** What other processes used, in cores: work of the kernel that belongs to none is in it. */
  readonly othersCores: number;
}

export const coreCount = availableParallelism();

export function readCpu(processes: Processes): CpuReading {
  const machine = readFileSync('/proc/stat', 'utf8').split('\n')[0] ?? '';
  const ticks = machine.trim().split(/\s+/).slice(1, 9).map(Number);
  const secondsOf = Object.fromEntries(
    Object.entries(processes).map(([name, pids]) => [
      name,
      pids.reduce((sum, pid) => sum + readCpuSeconds(pid), 0),
    ]),
  );
  return {
    atMs: performance.now(),
    secondsOf,
    // The fourth and fifth fields: idle, and idle while waiting for a disk.
    idleTicks: (ticks[3] ?? 0) + (ticks[4] ?? 0),
    allTicks: ticks.reduce((sum, each) => sum + each, 0),
  };
}

export function cpuBetween(from: CpuReading, to: CpuReading): CpuUse {
  const seconds = (to.atMs - from.atMs) / 1000;
  const entries = Object.entries(to.secondsOf).map(([name, used]) => {
    const before = from.secondsOf[name] ?? 0;
    return [name, (used - before) / seconds] as const;
  });
  const idleShare = (to.idleTicks - from.idleTicks) / Math.max(1, to.allTicks - from.allTicks);
  const known = entries.reduce((sum, [, cores]) => sum + cores, 0);
  return {
    seconds,
    coresOf: Object.fromEntries(entries),
    idleShare,
    othersCores: Math.max(0, (1 - idleShare) * coreCount - known),
  };
}

const sampleMs = 500;
const quietIdleShareMin = 0.85;

/**
 * Waits until the machine has nothing else to do, at most `msMax`; 0 does not wait. A shared machine
 * is quiet now and then, and a benchmark can choose those moments as long as it does so for all.
 */
export async function waitForQuiet(msMax: number): Promise<void> {
  for (let waitedMs = 0; waitedMs < msMax; waitedMs += sampleMs) {
    const from = readCpu({});
    await delay(sampleMs);
    if (cpuBetween(from, readCpu({})).idleShare >= quietIdleShareMin) return;
  }
}
