/** The jitter test of all servers, as a table. */
import { jitterTargets } from '../../peers/jitter/jitter-targets.ts';
import { runJitter, type JitterRun } from '../../peers/jitter/run-jitter.ts';
import type { BenchOptions } from '../options.ts';
import type { Progress, Section } from '../report.ts';
import { formatMs, formatNumber, formatShare, formatTable } from '../table.ts';

export async function measureJitter(options: BenchOptions, progress: Progress): Promise<Section> {
  const { jitter } = options;
  const runs: JitterRun[] = [];
  for (const target of jitterTargets) {
    const { run } = await runJitter(target, jitter);
    runs.push(run);
    progress(
      `jitter ${run.target}: ${formatShare(run.delivered / run.expected, 2)} delivered, p99 ` +
        `${formatMs(run.p99Us)} ms, driver ${formatShare(run.driverShare)}`,
    );
  }
  const seconds = (ms: number): string => String(ms / 1000);
  return {
    title: 'Jitter: every client is cut again and again',
    method:
      `${String(jitter.clients)} clients in one group, ${String(jitter.rate)} messages/s for ` +
      `${String(jitter.seconds)} s; each client is offline for ${seconds(jitter.offlineMs)} s every ` +
      `${seconds(jitter.periodMs)} s, by a proxy that resets its connection and refuses new ones. ` +
      'The clients are those of each project, all with delays of 100 to 500 ms between attempts. ' +
      'Delivered: within 10 s after the last message. "p99 from the end of the cut" counts messages ' +
      'that were due during a cut from its end.',
    table: jitterTable(runs),
    notes: [],
    runs,
  };
}

export function jitterTable(runs: readonly JitterRun[]): string {
  const header = [
    'server',
    'after a cut',
    'delivered',
    'twice',
    'out of order',
    'p50 ms',
    'p99 ms',
    'p99 ms from the end of the cut',
    'server CPU s',
    'driver',
  ];
  const rows = runs.map((run) => [
    run.target,
    run.recovers,
    formatShare(run.delivered / run.expected, 2),
    formatNumber(run.duplicates),
    formatNumber(run.outOfOrder),
    formatMs(run.p50Us),
    formatMs(run.p99Us),
    formatMs(run.recoverableP99Us),
    formatNumber(run.serverCpuSeconds, 2),
    formatShare(run.driverShare),
  ]);
  return formatTable(header, rows);
}
