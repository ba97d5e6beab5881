/** How many connections a server accepts per CPU-second, tokens verified where it verifies them. */
import { setTimeout as delay } from 'node:timers/promises';
import type { BenchOptions } from '../options.ts';
import type { Progress, Section } from '../report.ts';
import { loadServer, withServer } from '../run-load.ts';
import { median, ratio, spread } from '../statistics.ts';
import { formatNumber, formatShare, formatTable } from '../table.ts';
import type { Target } from '../target.ts';
import { chooseTargets } from '../targets.ts';

const inFlight = 100;
const settleMs = 500;

export interface AcceptRun {
  readonly target: string;
  readonly accepted: number;
  readonly seconds: number;
  readonly serverCpuSeconds: number;
  readonly perCpuSecond: number;
  readonly busyShare: number;
}

/** One fresh server; a fifth of the connections first, to warm it up. */
export async function runAccept(target: Target, connections: number): Promise<AcceptRun> {
  return await withServer(target, false, async (server) => {
    const generator = { connectRate: 0, inFlight, limit: 60 };
    const load = { target, generator };
    const warmup = { connections: Math.ceil(connections / 5), groupSize: 10, join: false };
    await loadServer(server, { ...load, clients: warmup });
    await delay(settleMs);
    const clients = { connections, groupSize: 10, join: false };
    const result = await loadServer(server, { ...load, clients });
    return {
      target: target.name,
      accepted: result.ready,
      seconds: result.seconds,
      serverCpuSeconds: result.serverCpuSeconds,
      perCpuSecond: result.ready / result.serverCpuSeconds,
      busyShare: result.busyShare,
    };
  });
}

/** All targets, alternated. */
export async function measureAccept(options: BenchOptions, progress: Progress): Promise<Section> {
  const targets = chooseTargets(options.targets.filter((name) => name !== 'topics-deferred'));
  const runs: AcceptRun[] = [];
  for (let repeat = 0; repeat < options.repeats; repeat++) {
    for (const target of targets) {
      const run = await runAccept(target, options.acceptConnections);
      runs.push(run);
      progress(`accept ${run.target}: ${formatNumber(run.perCpuSecond)} per CPU-second`);
    }
  }
  const rows = targets.map(({ name }) => {
    const own = runs.filter(({ target }) => target === name);
    const sum = (pick: (run: AcceptRun) => number): number =>
      own.reduce((total, run) => total + pick(run), 0);
    return [
      name,
      formatNumber(median(own.map((run) => run.perCpuSecond))),
      formatShare(spread(own.map((run) => run.perCpuSecond))),
      formatNumber(
        ratio(
          sum((run) => run.accepted),
          sum((run) => run.seconds),
        ),
      ),
      formatShare(median(own.map((run) => run.serverCpuSeconds / run.seconds))),
      formatShare(median(own.map((run) => run.busyShare))),
    ];
  });
  return {
    title: 'Accepting connections',
    method:
      `${formatNumber(options.acceptConnections)} connections, ${String(inFlight)} at a time, as ` +
      'fast as they go; counted when the first frame of the protocol is there (topics: the ' +
      'upgrade). The gateway verifies a token of its own for each, the others verify nothing. ' +
      `Median of ${String(options.repeats)} alternated runs, after a fifth as many to warm up.`,
    table: formatTable(['server', 'per CPU-s', 'spread', 'per second', 'CPU', 'generator'], rows),
    notes: [],
    runs,
  };
}
