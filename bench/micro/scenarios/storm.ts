/** Everybody is cut at once and resumes: how long until the last has everything, and what it takes. */
import type { BenchOptions } from '../options.ts';
import type { Progress, Section } from '../report.ts';
import { mergeSamples, percentile, ratio } from '../statistics.ts';
import { runStorm, type SampledStormRun, type StormRun } from '../streams/run-storm.ts';
import { stormServerNames } from '../streams/storm-servers.ts';
import { formatMs, formatNumber, formatShare, formatTable } from '../table.ts';

const MiB = 1024 * 1024;

export async function measureStorm(options: BenchOptions, progress: Progress): Promise<Section> {
  const samples: SampledStormRun[] = [];
  for (let repeat = 0; repeat < options.repeats; repeat++) {
    for (const name of stormServerNames) {
      const sampled = await runStorm(name, options.storm, options.quietSecondsMax);
      samples.push(sampled);
      progress(describe(sampled.run));
    }
  }
  const { awaySeconds, connections, groups, missed } = options.storm;
  const runs = samples.map(({ run }) => run);
  return {
    title: 'Resume storm',
    method:
      `${formatNumber(connections)} connections of trunkline.v1.json in ${formatNumber(groups)} ` +
      'groups that are streams, from several source addresses, spread over the nodes. All are cut ' +
      `at once without a close frame; ${String(missed)} messages of 100 bytes are published to each ` +
      `group within ${String(awaySeconds)} s; then all come back at once, 256 at a time, each to ` +
      'the node that it was at, and resume from the place of the last message that they got. A ' +
      'connection has caught up when it has got every message that was sent to its group. Times ' +
      'are from the moment in which all begin to come back: connecting, upgrade and token included. ' +
      `${String(options.repeats)} runs, in turn, fresh servers for each. One core is 100 %.`,
    table: table(samples),
    notes: notesOf(runs),
    runs,
  };
}

function describe(run: StormRun): string {
  return (
    `storm ${run.servers}: ${formatNumber(run.caughtUp)} of ${formatNumber(run.connections)} have ` +
    `everything, p50 ${formatMs(run.p50Us)} ms, last ${formatMs(run.lastUs)} ms, lost ` +
    `${String(run.lost)}, store reads ${String(run.events['catchUpReads'])}, generator ` +
    `${formatShare(run.generatorCores)}, others ${formatShare(run.othersCores)}`
  );
}

function table(samples: readonly SampledStormRun[]): string {
  const header = [
    'servers',
    'caught up',
    'recovered',
    'p50 ms',
    'p99 ms',
    'last ms',
    'missed',
    'lost',
  ]
    .concat(['repeated', 'reads of the store', 'resumers per read', 'repairs'])
    .concat(['RSS before MiB', 'RSS peak MiB', 'nodes', 'broker', 'generator', 'others']);
  const rows = stormServerNames.map((name) => {
    const own = samples.filter(({ run }) => run.servers === name);
    const runs = own.map(({ run }) => run);
    const sorted = mergeSamples(own.map(({ samplesUs }) => samplesUs));
    const mean = (pick: (run: StormRun) => number): number | undefined =>
      ratio(
        runs.reduce((total, run) => total + pick(run), 0),
        runs.length,
      );
    const isWhole = runs.every((run) => run.lastUs !== undefined);
    const reads = mean((run) => run.events['catchUpReads'] ?? 0);
    return [
      name,
      formatNumber(mean((run) => run.caughtUp)),
      formatNumber(mean((run) => run.recovered)),
      formatMs(percentile(sorted, 0.5)),
      formatMs(percentile(sorted, 0.99)),
      isWhole ? formatMs(sorted.at(-1)) : 'not all',
      formatNumber(mean((run) => run.missedWhileAway)),
      formatNumber(mean((run) => run.lost)),
      formatNumber(mean((run) => run.duplicates)),
      formatNumber(reads),
      formatNumber(
        ratio(
          mean((run) => run.events['resumes'] ?? 0),
          reads,
        ),
        1,
      ),
      formatNumber(mean((run) => run.events['repairs'] ?? 0)),
      formatNumber(mean((run) => run.rssBeforeBytes / MiB)),
      formatNumber(Math.max(...runs.map((run) => run.rssPeakBytes / MiB))),
      formatShare(mean((run) => run.nodeCores)),
      formatShare(mean((run) => run.brokerCores)),
      formatShare(mean((run) => run.generatorCores)),
      formatShare(mean((run) => run.othersCores)),
    ];
  });
  return formatTable(header, rows);
}

function notesOf(runs: readonly StormRun[]): string[] {
  const notes = [
    '"missed" counts the messages published while a connection was away, over all connections; ' +
      '"lost" those that it never got. RSS is that of the largest node: with everybody connected ' +
      'before the cut, and the highest reading of every 100 ms after it. CPU is that of the storm ' +
      'alone; where nodes, broker, generator and others together use all cores, the times are those ' +
      'of the machine. The interest of a node in a group ends a second after its last member left, ' +
      'so what it kept of the group is gone, and the store is read.',
  ];
  const names = (some: readonly StormRun[]): string =>
    [...new Set(some.map(({ servers }) => servers))].join('; ');
  const unwell = runs.filter((run) => run.outOfOrder + run.holes + run.unrecovered > 0);
  const refused = runs.filter((run) => run.refused > 0);
  if (unwell.length > 0) notes.push(`Inverted, with holes or not recovered: ${names(unwell)}.`);
  if (refused.length > 0) notes.push(`Connections failed: ${names(refused)}.`);
  return notes;
}
