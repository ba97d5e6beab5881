/** `npm run check`: format, lint with types, types, and the tests of the project's own rules. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ensureBuilt, ensureInstalled, root } from './bootstrap.js';
import { runNode } from './run.js';
import { runTests } from './test-runner.js';

const bin = (name, file) => join(root, 'node_modules', name, 'bin', file);
const houseTests = ['architecture', 'docs'].map((name) => `dist/test/unit/${name}.test.js`);

/**
 * Runs the checks that are not tests, all of them, so that one run shows everything that is wrong.
 * Returns the names of those that failed.
 */
export async function runChecks() {
  const checks = [
    [
      'format',
      () =>
        runNode([bin('prettier', 'prettier.cjs'), '--check', '--cache', '--log-level=warn', '.']),
    ],
    [
      'lint',
      () => runNode([bin('oxlint', 'oxlint'), '--type-aware', '--deny-warnings', '--quiet']),
    ],
    ['types', async () => ((await ensureBuilt()) ? 0 : 1)],
    // Browsers have no types of Node.js.
    [
      'types of the client SDK',
      () => runNode([bin('typescript', 'tsc'), '-p', 'client-sdk', '--noEmit']),
    ],
    // So have edge runtimes.
    [
      'types of the server SDK',
      () => runNode([bin('typescript', 'tsc'), '-p', 'server-sdk', '--noEmit']),
    ],
    [
      "types of the example's page",
      () => runNode([bin('typescript', 'tsc'), '-p', 'examples/chat/page']),
    ],
    // k6 runs these itself, without the libraries of Node.js.
    ['types of k6 scripts', () => runNode([bin('typescript', 'tsc'), '-p', 'bench/k6/scenarios'])],
  ];
  const failed = [];
  for (const [name, check] of checks) {
    const startedMs = performance.now();
    const isGood = (await check()) === 0;
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
    console.log(`${isGood ? '✔' : '✖'} ${name} (${seconds} s)`);
    if (!isGood) failed.push(name);
  }
  return failed;
}

/** True when this file is what was started, and not imported by test.js. */
const isMain = process.argv[1] === join(root, 'scripts', 'check.js');

if (isMain) {
  await ensureInstalled();
  const failed = await runChecks();
  const files = houseTests.filter((file) => existsSync(join(root, file)));
  if (!failed.includes('types') && (await runTests(files, 'dot')) !== 0) {
    failed.push('architecture and docs tests');
  }
  if (failed.length > 0) {
    console.error(`Failed: ${failed.join(', ')}. "npm run format" repairs the format.`);
    process.exitCode = 1;
  }
}
