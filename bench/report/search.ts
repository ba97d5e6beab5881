/** The highest rate that each of several candidates holds; they take turns. */
import { RateSearch, type RateOutcome } from '../micro/rate-search.ts';
import { percentileOf } from './histogram.ts';
import type { Measurement } from './data.ts';

export interface Candidate {
  readonly name: string;
  /** Where the search begins: near the end of it saves runs. */
  readonly start: number;
  readonly measure: (rate: number) => Promise<Measurement>;
}

const p99UsMax = 100_000;
const completeMin = 0.9999;
const precision = 1.15;

/** Every run of all searches. Those at rates that held have the value `held` 1, the others 0. */
export async function searchHighest(
  candidates: readonly Candidate[],
  onRun: (measurement: Measurement) => void,
): Promise<readonly Measurement[]> {
  const searches = candidates.map((candidate) => ({
    candidate,
    search: new RateSearch({ start: candidate.start, precision }),
  }));
  const runs: Measurement[] = [];
  for (;;) {
    const open = searches.filter(({ search }) => search.next !== undefined);
    if (open.length === 0) return runs;
    for (const { candidate, search } of open) {
      const rate = search.next;
      if (rate === undefined) continue;
      const measured = await candidate.measure(rate);
      const outcome = outcomeOf(measured);
      search.tell(outcome);
      const values = { ...measured.values, held: outcome === 'held' ? 1 : 0 };
      const measurement = { ...measured, values };
      runs.push(measurement);
      onRun(measurement);
    }
  }
}

/** A run that held counts even where the generator was busy: it can only have made it harder. */
export function outcomeOf({ invalid, latency = [], values }: Measurement): RateOutcome {
  const p99 = percentileOf(latency, 0.99);
  const isComplete = (values['complete'] ?? 0) >= completeMin;
  if (p99 !== undefined && p99 < p99UsMax && isComplete) return 'held';
  return invalid.length === 0 ? 'failed' : 'unmeasurable';
}

/** The highest rate that held in these runs, and the run; undefined when none did. */
export function highestHeld(
  measurements: readonly Measurement[],
  row: string,
  target: string,
): Measurement | undefined {
  return measurements
    .filter((each) => each.row === row && each.target === target && each.values['held'] === 1)
    .toSorted((a, b) => (a.params['rate'] ?? 0) - (b.params['rate'] ?? 0))
    .at(-1);
}
