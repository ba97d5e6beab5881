/** Prints what a run of the loss test has found. */
import type { LossResult } from './loss-run.ts';
import type { FaultWindow } from './faults.ts';
import type { LossCounts, LossVerdict } from './loss-checker.ts';

const mebibyte = 1024 * 1024;

/** What must never be. */
const alwaysForbidden: readonly (keyof LossCounts)[] = [
  'lost',
  'duplicates',
  'outOfOrder',
  'unknown',
  'storedTwice',
  'unacknowledged',
  'incomplete',
];

/** What must not be where the broker keeps its data. */
const forbiddenWithData: readonly (keyof LossCounts)[] = [
  ...alwaysForbidden,
  'toldLost',
  'told',
  'ackedNotStored',
  'wrongPosition',
];

/** What was wrong, as sentences; none: the run has passed. */
export function problemsOf({ deaths, options, verdict }: LossResult): readonly string[] {
  const { counts } = verdict;
  const isData = options.scenario === 'data';
  const counted = (isData ? alwaysForbidden : forbiddenWithData)
    .filter((name) => counts[name] > 0)
    .map((name) => `${name}: ${counts[name]}`);
  const nothingLost = isData && counts.ackedNotStored === 0;
  return [
    ...counted,
    ...(nothingLost ? ['the broker has lost nothing: the run proves nothing'] : []),
    ...deaths.map((death) => `died: ${death}`),
  ];
}

/** The command that repeats a run. */
export function commandOf({ options }: Pick<LossResult, 'options'>): string {
  const { backplane, clients, faults, isShort, rate, scenario, seconds, seed } = options;
  const list = faults === undefined ? '' : ` --faults ${faults.join(',')}`;
  const length = isShort ? ' --short' : ` --seconds ${seconds}`;
  return `npm run test:loss -- --scenario ${scenario} --backplane ${backplane}${length} --rate ${rate} --clients ${clients} --seed ${seed}${list}`;
}

/** The whole report. */
export function reportOf(result: LossResult): string {
  const { catchUpMs, counters, lateMsMax, options, ownLateMsMax, peaks, publications, verdict } =
    result;
  const { closes, connects, counts, delaysMs, deliveries, followers, resumes } = verdict;
  const acked = publications.filter(({ ackedAt }) => ackedAt !== undefined);
  const retried = publications.filter(({ attempts }) => attempts > 1);
  const repeats = publications.filter(({ isDuplicate }) => isDuplicate === true);
  const problems = problemsOf(result);
  const rss = peaks.map((peak) => (peak / mebibyte).toFixed(0)).join(', ');
  return [
    '',
    ...faultTable(result),
    '',
    `publications ${publications.length}: acknowledged ${acked.length}, tried again ${retried.length}` +
      ` (by REST found stored already ${repeats.length}), unknown ${publications.length - acked.length}`,
    `deliveries   ${deliveries} to ${followers} followers of streams (${options.clients} clients)`,
    `lost ${counts.lost}   duplicates ${counts.duplicates}   out of order ${counts.outOfOrder}   told gaps ${counts.told} (${counts.toldLost} messages; unseen and untold ${counts.lostUnseen})`,
    `acknowledged and not stored ${counts.ackedNotStored}   stored twice ${counts.storedTwice}   wrong position ${counts.wrongPosition}   unknown ${counts.unknown}   incomplete ${counts.incomplete}`,
    `connections  ${connects}; resumes recovered ${resumes.recovered}, unrecovered ${resumes.unrecovered}; asked again for holes ${verdict.holes}; repeats kept from applications ${verdict.ignored}`,
    ...[...closes]
      .sort(([, one], [, other]) => other - one)
      .slice(0, 8)
      .map(([why, count]) => `  closed ${count} x ${why}`),
    `delay        p50 ${percentileOf(delaysMs, 0.5)} ms, p99 ${percentileOf(delaysMs, 0.99)} ms, worst ${percentileOf(delaysMs, 1)} ms; late by at most: clients ${lateMsMax.toFixed(0)} ms, publishers and proxies ${ownLateMsMax.toFixed(0)} ms`,
    `caught up    ${catchUpMs} ms after the last fault; peak memory of nodes ${rss} MiB`,
    ...(counters.size > 0 ? [`streams      ${shownCounters(counters)}`] : []),
    `seed         ${options.seed}`,
    ...(problems.length === 0
      ? ['PASSED']
      : [
          `FAILED: ${problems.join('; ')}`,
          ...verdict.examples.map((example) => `  ${example}`),
          `recordings   ${result.folder}`,
          `again        ${commandOf(result)}`,
        ]),
    '',
  ].join('\n');
}

/** One line for each fault, with the worst delay of what was on its way meanwhile. */
export function faultTable({
  verdict,
  windows,
}: {
  readonly verdict: Pick<LossVerdict, 'worstMs'>;
  readonly windows: readonly FaultWindow[];
}): readonly string[] {
  const rows = new Map<string, { count: number; longestMs: number; worstMs: number }>();
  for (const [index, { from, name, until }] of windows.entries()) {
    const row = rows.get(name) ?? { count: 0, longestMs: 0, worstMs: 0 };
    rows.set(name, {
      count: row.count + 1,
      longestMs: Math.max(row.longestMs, until - from),
      worstMs: Math.max(row.worstMs, verdict.worstMs[index] ?? 0),
    });
  }
  const lines = [...rows].map(
    ([name, { count, longestMs, worstMs }]) =>
      `${name.padEnd(20)} ${String(count).padStart(5)} ${String(longestMs).padStart(12)} ${String(worstMs).padStart(20)}`,
  );
  return ['fault                count   longest ms   worst delivery delay ms', ...lines];
}

/** In whole ms; 0 where there is none. */
export function percentileOf(sorted: Float64Array, share: number): string {
  const index = Math.min(sorted.length - 1, Math.floor(sorted.length * share));
  return (sorted[index] ?? 0).toFixed(0);
}

/** Names and values in one line. */
export function shownCounters(counters: ReadonlyMap<string, number>): string {
  return [...counters].map(([name, value]) => `${name.replace(/^_/, '')} ${value}`).join(', ');
}
