/** Makes dist/: compiles the TypeScript, copies the playground's files, removes what has no source. */
import { cpSync, existsSync, readdirSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runNode } from './run.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');
const assets = join('gateway', 'playground', 'assets');

/** Outputs of a source that was deleted or renamed would otherwise still be run as tests. */
function removeOrphans(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      removeOrphans(path);
      continue;
    }
    const source = join(root, relative(dist, path)).replace(/\.(js|js\.map|d\.ts)$/, '.ts');
    if (source.endsWith('.ts') && !existsSync(source)) rmSync(path);
  }
}

/** Resolves with true when everything compiled. */
export async function compile() {
  // Without its outputs the compiler's record of what it built would be a lie.
  if (!existsSync(join(dist, 'gateway'))) rmSync(dist, { recursive: true, force: true });
  const code = await runNode([join(root, 'node_modules', 'typescript', 'bin', 'tsc')]);
  if (code !== 0) return false;
  removeOrphans(dist);
  rmSync(join(dist, assets), { recursive: true, force: true });
  if (existsSync(join(root, assets))) {
    cpSync(join(root, assets), join(dist, assets), { recursive: true });
  }
  return true;
}
