/** Prints what a run of the loss test with clients of the Azure SDK has found. */
import { fatalFault } from './azure-checker.ts';
import type { AzureLossResult } from './azure-run.ts';
import { faultTable, percentileOf, shownCounters } from './report.ts';

/** What was wrong, as sentences; none: the run has passed. */
export function azureProblemsOf(result: AzureLossResult): readonly string[] {
  const { deaths, publications, verdict, windows } = result;
  const counted = Object.entries(verdict.counts).filter(([, count]) => count > 0);
  const isKilled = windows.some(({ name }) => name === fatalFault);
  const isAcked = publications.some(({ ackedAt }) => ackedAt !== undefined);
  return [
    ...counted.map(([name, count]) => `${name}: ${count}`),
    ...(isAcked && verdict.deliveries > 0 ? [] : ['nothing was delivered: it proves nothing']),
    ...(isKilled && verdict.breaks === 0 ? ['no client was at a node that was killed'] : []),
    ...deaths.map((death) => `died: ${death}`),
  ];
}

/** The whole report. */
export function azureReportOf(result: AzureLossResult): string {
  const { catchUpMs, counters, options, publications, verdict } = result;
  const { backplane, clients, faults, isShort, rate, seconds, seed } = options;
  const { counts, delaysMs } = verdict;
  const acked = publications.filter(({ ackedAt }) => ackedAt !== undefined).length;
  const problems = azureProblemsOf(result);
  const list = faults === undefined ? '' : ` --faults ${faults.join(',')}`;
  const length = isShort ? ' --short' : ` --seconds ${seconds}`;
  const [p50, p99, worst] = [0.5, 0.99, 1].map((share) => percentileOf(delaysMs, share));
  return [
    '',
    ...faultTable(result),
    '',
    `publications ${publications.length}: acknowledged ${acked}, unknown ${publications.length - acked}`,
    `deliveries   ${verdict.deliveries} to ${clients} clients of the SDK`,
    `lost ${counts.lost}   duplicates ${counts.duplicates}   out of order ${counts.outOfOrder}   unknown ${counts.unknown}`,
    `new connections ${verdict.breaks} (not after a kill ${counts.unexpectedBreaks}, without 1008 ${counts.uncleanBreaks}), failed rejoins ${counts.failedRejoins}, excused by a kill ${verdict.excused} messages; back at most ${verdict.backMsMax} ms after a kill`,
    `delay        p50 ${p50} ms, p99 ${p99} ms, worst ${worst} ms`,
    `caught up    ${catchUpMs} ms after the last fault`,
    `nodes        ${shownCounters(counters)}`,
    `seed         ${seed}`,
    ...(problems.length === 0
      ? ['PASSED']
      : [
          `FAILED: ${problems.join('; ')}`,
          ...verdict.examples.map((example) => `  ${example}`),
          `again        npm run test:loss -- --client azure --backplane ${backplane}${length} --rate ${rate} --clients ${clients} --seed ${seed}${list}`,
        ]),
    '',
  ].join('\n');
}
