/**
 * `npm run build:client`: makes client-sdk/dist, the package @trunkline/client: ES modules with
 * their types, trunkline.min.js for pages that load it by a script tag, and tabs-worker.min.js for the
 * SharedWorker of @trunkline/client/tabs. An argument is another folder to put it in. The compiler
 * sees browser types only, so the client cannot come to need Node.js.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { ensureInstalled, root } from './bootstrap.js';
import { runNode } from './run.js';

const usual = join(root, 'client-sdk', 'dist');
const folder = process.argv[2] ?? usual;

/** One file without modules; what it exports is in the global of that name. */
async function buildScript(entry, outfile, globalName) {
  // Not there before the installation.
  const { build } = await import('esbuild');
  await build({
    entryPoints: [join(folder, entry)],
    outfile: join(folder, outfile),
    bundle: true,
    minify: true,
    format: 'iife',
    globalName,
    platform: 'browser',
    target: 'es2022',
    logLevel: 'error',
  });
}

await ensureInstalled();
if (folder === usual) rmSync(folder, { recursive: true, force: true });
process.exitCode = await runNode([
  join(root, 'node_modules', 'typescript', 'bin', 'tsc'),
  ...['-p', join(root, 'client-sdk'), '--outDir', folder],
]);
if (process.exitCode === 0) {
  await buildScript('index.js', 'trunkline.min.js', 'Trunkline');
  await buildScript('tabs/worker.js', 'tabs-worker.min.js');
}
