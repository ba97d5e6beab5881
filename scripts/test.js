/**
 * `npm test`: installs and builds what is missing, checks everything, runs every test. Arguments
 * choose tests by a part of their path and leave the checks out: `npm test -- unit/protocol`.
 */
import { readdirSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { bootstrap, ensureInstalled, root, stop } from './bootstrap.js';
import { runChecks } from './check.js';
import { ensureSystemPackages } from './system-packages.js';
import { runTests } from './test-runner.js';

/** Tests by their compiled paths; sources decide, for dist/ may hold more than this checkout. */
function findTests(filters) {
  return readdirSync(join(root, 'test'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.test.ts'))
    .map((entry) => relative(root, join(entry.parentPath ?? entry.path, entry.name)))
    .map((path) => path.split(sep).join('/'))
    .filter((path) => filters.length === 0 || filters.some((filter) => path.includes(filter)))
    .sort()
    .map((path) => `dist/${path.replace(/\.ts$/, '.js')}`);
}

const filters = process.argv.slice(2);
const files = findTests(filters);
if (files.length === 0) stop(`No test file's path contains ${filters.join(' or ')}: see test/.`);

await ensureInstalled();
if (filters.length === 0) {
  const failed = await runChecks();
  if (failed.length > 0) stop(`Checks failed: ${failed.join(', ')}. The tests were not run.`);
}
await bootstrap();
await ensureSystemPackages(files);
process.exitCode = await runTests(files, 'spec');
