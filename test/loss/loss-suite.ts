/** The short form of the loss test, for every run of the tests: some faults, each once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { whyMissing } from '../support/programs.ts';
import { programsOf } from './options.ts';
import { dropRecordings, runLoss, type LossOptions } from './loss-run.ts';
import { problemsOf, reportOf } from './report.ts';

const timeoutMs = 5 * 60_000;

const names = {
  loss: 'nothing is lost, doubled or out of order under faults',
  data: 'every client is told of what the broker has lost, and misses nothing else',
} as const;

/** Another seed each time: the report of a failure says which, and how to run it again. */
export function lossSuite(
  scenario: LossOptions['scenario'],
  backplane: LossOptions['backplane'],
  faults: readonly string[],
): void {
  const skip = whyMissing(...programsOf(backplane));
  const name = `${scenario} faults on ${backplane}: ${names[scenario]}`;
  test(name, { skip, timeout: timeoutMs }, async (t) => {
    const seed = 1 + Math.floor(Math.random() * 1_000_000_000);
    t.diagnostic(`seed ${seed}`);
    const result = await runLoss({
      backplane,
      scenario,
      faults,
      seed,
      isShort: true,
      seconds: 0,
      rate: 120,
      clients: 40,
      processes: 1,
      say: (line) => t.diagnostic(line),
    });
    const report = reportOf(result);
    assert.deepEqual(problemsOf(result), [], report);
    t.diagnostic(report);
    dropRecordings(result);
  });
}
