/**
 * The short form of the loss test with clients of the Azure SDK, on Redis. Without `rolling-restart`:
 * on a machine that is busy far beyond its cores it has failed once, so it is left to the command;
 * test/cluster/reliable-suite.ts drains nodes in every run.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { whyMissing } from '../support/programs.ts';
import { azureProblemsOf, azureReportOf } from './azure-report.ts';
import { runAzureLoss } from './azure-run.ts';
import { programsOf } from './options.ts';

const timeoutMs = 3 * 60_000;
const skip = whyMissing(...programsOf('redis'));

test(
  'clients of the SDK: nothing is lost, doubled or out of order by cuts and delays',
  { skip, timeout: timeoutMs },
  async (t) => {
    const seed = 1 + Math.floor(Math.random() * 1_000_000_000);
    t.diagnostic(`seed ${seed}`);
    const result = await runAzureLoss({
      backplane: 'redis',
      faults: ['cut-clients', 'delay-clients'],
      seed,
      isShort: true,
      seconds: 0,
      rate: 50,
      clients: 20,
      say: (line) => t.diagnostic(line),
    });
    const report = azureReportOf(result);
    assert.deepEqual(azureProblemsOf(result), [], report);
    t.diagnostic(report);
  },
);
