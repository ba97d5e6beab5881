/** Stalled readers in a network namespace of their own, with the bound that operations should set. */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { compiledPath, inRepository } from '../micro/paths.ts';
import type { Measurement } from './data.ts';
import { stalledMeasurements } from './imported.ts';

const limitMs = 300_000;
const stampedReport = /^\d{4}-.*-stalled\.json$/;

/** @throws Error when the machine does not allow namespaces, or the run fails. */
export function measureStalledApart(isQuick: boolean): readonly Measurement[] {
  const folder = inRepository('bench/results');
  const before = new Set(readdirSync(folder));
  const args = ['stalled', '--repeats', '1', '--tcp-wmem', '4096 16384 262144'];
  const quick = isQuick ? ['--stalled', '20/60'] : [];
  const program = compiledPath('../micro/run.js');
  const { status, stderr } = spawnSync(process.execPath, [program, ...args, ...quick], {
    encoding: 'utf8',
    timeout: limitMs,
  });
  if (status !== 0)
    throw new Error(`stalled readers could not be measured:\n${stderr.slice(-500)}`);
  const name = readdirSync(folder).find((each) => stampedReport.test(each) && !before.has(each));
  if (name === undefined) throw new Error('the run of stalled readers has left no report');
  return stalledMeasurements(`${folder}/${name}`);
}
