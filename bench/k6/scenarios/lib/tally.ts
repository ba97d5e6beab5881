/** What receivers count, and how each message of a target is ticked off. */
import { Counter, Trend } from 'k6/metrics';
import type { MessageData, Plan } from '../../plan.ts';
import { report, reportSamples } from './run.ts';

const delivered = new Counter('delivered');
const duplicate = new Counter('duplicate');
const misdelivered = new Counter('misdelivered');
const gap = new Counter('gap');
const deliveryMs = new Trend('delivery_ms', true);

/** Sums over all receivers of a VU. */
export class Totals {
  delivered = 0;
  duplicate = 0;
  misdelivered = 0;
  outOfOrder = 0;
  gaps = 0;
  reconnects = 0;
  lost = 0;
  readonly samplesUs: number[] = [];

  /** Tells k6 and the runner. Call it once. */
  report(unready: number): void {
    const { samplesUs, ...counts } = this;
    delivered.add(counts.delivered);
    duplicate.add(counts.duplicate);
    misdelivered.add(counts.misdelivered);
    gap.add(counts.gaps);
    for (const us of samplesUs) deliveryMs.add(us / 1000);
    report({ kind: 'receiver', ...counts, unready });
    reportSamples('delivery', samplesUs);
  }
}

/** What one receiver has got. */
export class Tally {
  readonly #plan: Plan;
  readonly #target: number;
  readonly #totals: Totals;
  readonly #seen = new Set<number>();
  /** Number of the newest message by publisher. */
  readonly #newest: number[];

  constructor(plan: Plan, target: number, totals: Totals) {
    this.#plan = plan;
    this.#target = target;
    this.#totals = totals;
    this.#newest = plan.publishers.map(() => -1);
  }

  take({ n, dueMs, target }: MessageData, atMs: number): void {
    const totals = this.#totals;
    if (target !== this.#target) {
      totals.misdelivered++;
      return;
    }
    if (this.#seen.has(n)) {
      totals.duplicate++;
      return;
    }
    this.#seen.add(n);
    totals.delivered++;
    const publisher = n % this.#newest.length;
    if (n < (this.#newest[publisher] ?? -1)) totals.outOfOrder++;
    else this.#newest[publisher] = n;
    const { windowFromMs, windowUntilMs } = this.#plan.schedule;
    if (dueMs < windowFromMs || dueMs >= windowUntilMs) return;
    totals.samplesUs.push(Math.max(0, Math.round((atMs - dueMs) * 1000)));
  }
}
