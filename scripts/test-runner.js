/** Runs compiled test files with Node's own test runner, shielded from the caller's settings. */
import { runNode } from './run.js';

const filesAtOnce = 3;
/** A test file that hangs must fail the run, not hold it up for ever. */
const fileTimeoutMs = 10 * 60_000;

/** The caller's environment without anything that would change what a test sees. */
function testEnvironment() {
  const kept = Object.entries(process.env).filter(
    ([name]) => !name.startsWith('TRUNKLINE_') && !name.startsWith('NODE_TEST_'),
  );
  return Object.fromEntries(kept);
}

/** Resolves with the runner's exit code. `files` are paths of compiled tests, never empty. */
export function runTests(files, reporter) {
  const options = [
    '--enable-source-maps',
    '--test',
    `--test-reporter=${reporter}`,
    `--test-concurrency=${filesAtOnce}`,
    `--test-timeout=${fileTimeoutMs}`,
  ];
  return runNode([...options, ...files], { env: testEnvironment() });
}
