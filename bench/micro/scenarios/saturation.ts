/** The saturation point: the highest rate at which p99 stays below 100 ms and nothing is missing. */
import type { BenchOptions } from '../options.ts';
import { RateSearch, type RateOutcome } from '../rate-search.ts';
import type { Progress, Section } from '../report.ts';
import { ratio } from '../statistics.ts';
import { formatMs, formatNumber, formatRatio, formatShare, formatTable } from '../table.ts';
import type { Target } from '../target.ts';
import { chooseTargets } from '../targets.ts';
import { runFanout, type FanoutRun } from './fanout.ts';

const p99UsMax = 100_000;
const completeMin = 0.9999;
const rateStart = 250;

interface Candidate {
  readonly target: Target;
  readonly search: RateSearch;
  readonly runs: FanoutRun[];
}

/** Searches all targets in turn, one run each, until every point is known within 8 %. */
export async function measureSaturation(
  options: BenchOptions,
  progress: Progress,
): Promise<Section> {
  const candidates: Candidate[] = chooseTargets(options.targets).map((target) => ({
    target,
    search: new RateSearch({ start: target.name === 'socket.io' ? 25 : rateStart }),
    runs: [],
  }));
  for (;;) {
    const open = candidates.filter(({ search }) => search.next !== undefined);
    if (open.length === 0) break;
    for (const candidate of open) await step(candidate, options, progress);
  }
  const best = candidates.map(({ target, search, runs }) => ({
    target: target.name,
    rate: search.best,
    ended: search.endedBy,
    run: runs.findLast((run) => run.rate === search.best && isGood(run) === 'held'),
  }));
  const own = best.find(({ target }) => target === 'gateway')?.rate;
  const rows = best.map(({ target, rate, ended, run }) => [
    target,
    `${ended === 'unmeasurable' ? '≥ ' : ''}${formatNumber(rate)}`,
    formatNumber((rate ?? 0) * options.subscribers),
    formatShare(run?.cpuShare),
    formatMs(run?.p50Us),
    formatMs(run?.p99Us),
    formatShare(run?.busyShare),
    target === 'gateway' ? '' : formatRatio(ratio(own, rate)),
  ]);
  return {
    title: 'Saturation point',
    method:
      `Highest rate with p99 < 100 ms and every message delivered, ` +
      `${formatNumber(options.subscribers)} subscribers of one group, ` +
      `${String(options.payloadBytes)} bytes; doubled, then halved in, to 8 %; a rate that fails ` +
      'is tried twice. The servers take turns.',
    table: formatTable(
      [
        'server',
        'messages/s',
        'deliveries/s',
        'CPU',
        'p50 ms',
        'p99 ms',
        'generator',
        'gateway is',
      ],
      rows,
    ),
    notes: best.some(({ ended }) => ended === 'unmeasurable')
      ? ['≥: at the next higher rate the generator itself was busy above 70 %.']
      : [],
    runs: candidates.flatMap(({ runs }) => runs),
  };
}

async function step(
  { target, search, runs }: Candidate,
  options: BenchOptions,
  progress: Progress,
): Promise<void> {
  const rate = search.next;
  if (rate === undefined) return;
  const { run } = await runFanout(target, rate, options);
  runs.push(run);
  const outcome = isGood(run);
  search.tell(outcome);
  progress(
    `saturation ${target.name} ${formatNumber(rate)}/s: ${outcome}, p99 ${formatMs(run.p99Us)} ms, ` +
      `CPU ${formatShare(run.cpuShare)}, complete ${formatShare(run.complete, 1)}, ` +
      `generator busy ${formatShare(run.busyShare)}`,
  );
}

function isGood(run: FanoutRun): RateOutcome {
  const held = run.p99Us !== undefined && run.p99Us < p99UsMax && run.complete >= completeMin;
  if (held) return 'held';
  return run.isValid ? 'failed' : 'unmeasurable';
}
