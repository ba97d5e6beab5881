/** `node dist/test/simulation/main.js <first seed> <count> [failures]`. */
import { runSeeds } from './run-seeds.ts';

const [first = 1, count = 100, failuresMax = 3] = process.argv.slice(2).map(Number);
const startedMs = performance.now();
const outcome = await runSeeds(first, count, failuresMax);
for (const { failures, seed } of outcome.failed) {
  console.log(`seed ${seed}:\n  ${failures.slice(0, 8).join('\n  ')}`);
}
const { failed, ...figures } = outcome;
console.log(JSON.stringify({ ...figures, failed: failed.length }));
console.log(`${((performance.now() - startedMs) / 1000).toFixed(1)} s`);
process.exitCode = failed.length > 0 ? 1 : 0;
