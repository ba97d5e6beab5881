/** `npm run test:loss`: breaks a cluster while clients count what they get. */
import { azureProblemsOf, azureReportOf } from './azure-report.ts';
import { runAzureLoss } from './azure-run.ts';
import { parseLossOptions, usage, UsageError } from './options.ts';
import { dropRecordings, runLoss } from './loss-run.ts';
import { problemsOf, reportOf } from './report.ts';

async function main(args: readonly string[]): Promise<number> {
  if (args.includes('--help')) {
    process.stdout.write(usage);
    return 0;
  }
  const startedAt = performance.now();
  const say = (line: string): void => {
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    process.stdout.write(`${seconds.padStart(7)} s  ${line}\n`);
  };
  const options = parseLossOptions(args, say);
  say(`seed ${options.seed} on ${options.backplane}`);
  if (options.client === 'azure') {
    const azure = await runAzureLoss(options);
    process.stdout.write(azureReportOf(azure));
    return azureProblemsOf(azure).length === 0 ? 0 : 1;
  }
  const result = await runLoss(options);
  process.stdout.write(reportOf(result));
  const isGood = problemsOf(result).length === 0;
  if (isGood) dropRecordings(result);
  return isGood ? 0 : 1;
}

// The watchdog of the cluster ends what runs; processes of clients end with their parent.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => process.exit(1));
}
try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`error: ${message}\n${error instanceof UsageError ? usage : ''}`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
process.exit();
