/**
 * `npm run build:server`: makes server-sdk/dist, the package @trunkline/server, as ES modules with
 * their types. The compiler sees the types of the web platform only, so that the package cannot come
 * to need Node.js.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { ensureInstalled, root } from './bootstrap.js';
import { runNode } from './run.js';

await ensureInstalled();
rmSync(join(root, 'server-sdk', 'dist'), { recursive: true, force: true });
process.exitCode = await runNode([
  join(root, 'node_modules', 'typescript', 'bin', 'tsc'),
  '-p',
  join(root, 'server-sdk'),
]);
