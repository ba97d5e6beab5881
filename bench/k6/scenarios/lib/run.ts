/** What every scenario shares: its plan, its clock, its options, and the way back to the runner. */
import exec from 'k6/execution';
import type { Options } from 'k6/options';
import { setTimeout } from 'k6/timers';
import type { Plan, ReportLine } from '../../plan.ts';

/** k6 has it, its types leave it to those of the browser. */
declare const console: { log(text: string): void };

const samplesPerLine = 5000;

/** VUs that only one script has. */
interface MoreVus {
  readonly vus: number;
  readonly exec: string;
}

/** Written by the runner; `K6_PLAN` is its path. Call it in the init context only. */
export function readPlan(): Plan {
  const path = __ENV['K6_PLAN'];
  if (path === undefined) throw new Error('start this script by "npm run bench:k6"');
  return JSON.parse(open(path)) as Plan;
}

/** Milliseconds since the run began, with fractions: one clock for all VUs. `Date.now()` has none. */
export function nowMs(): number {
  return exec.instance.currentTestRunDuration;
}

/** The number of this VU within its scenario, from 0. */
export function vuNumber(): number {
  return exec.scenario.iterationInTest;
}

/** Tells the runner. */
export function report(line: ReportLine): void {
  console.log(JSON.stringify(line));
}

export function reportSamples(of: 'delivery' | 'lateness', us: readonly number[]): void {
  for (let from = 0; from < us.length; from += samplesPerLine) {
    report({ kind: 'samples', of, us: us.slice(from, from + samplesPerLine) });
  }
}

/** Tells the runner when the window begins and ends, and when it is to act. One VU calls it. */
export function markWindow({ schedule }: Plan): void {
  const { actionMs, windowFromMs, windowUntilMs } = schedule;
  setTimeout(() => report({ kind: 'mark', edge: 'from' }), windowFromMs - nowMs());
  setTimeout(() => report({ kind: 'mark', edge: 'action' }), actionMs - nowMs());
  setTimeout(() => report({ kind: 'mark', edge: 'until' }), windowUntilMs - nowMs());
}

/**
 * A scenario of receivers, one of publishers, and those of the script's own; each VU runs its event
 * loop once, to the end.
 */
export function optionsOf(plan: Plan, more: Readonly<Record<string, MoreVus>> = {}) {
  const maxDuration = `${String(Math.ceil(plan.schedule.endMs / 1000) + 30)}s`;
  const once = { executor: 'per-vu-iterations', iterations: 1, maxDuration } as const;
  return {
    scenarios: {
      receivers: { ...once, exec: 'receive', vus: plan.receivers.length },
      publishers: { ...once, exec: 'publish', vus: plan.publishers.length },
      ...Object.fromEntries(Object.entries(more).map(([name, vus]) => [name, { ...once, ...vus }])),
    },
    discardResponseBodies: true,
    // Kept-alive connections per host; by default 6, and the others are made anew for each request.
    batchPerHost: 256,
    thresholds: {
      duplicate: ['count==0'],
      misdelivered: ['count==0'],
      gap: ['count==0'],
      // The limit at which Azure's performance guide stops.
      delivery_ms: ['p(99)<1000'],
    },
  } satisfies Options;
}
