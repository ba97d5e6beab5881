/**
 * `npm run build:client`: makes client-sdk/dist, the package @trunkline/client, as ES modules with
 * their types. The compiler sees browser types only, so the client cannot come to need Node.js.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { ensureInstalled, root } from './bootstrap.js';
import { runNode } from './run.js';

await ensureInstalled();
rmSync(join(root, 'client-sdk', 'dist'), { recursive: true, force: true });
process.exitCode = await runNode([
  join(root, 'node_modules', 'typescript', 'bin', 'tsc'),
  '-p',
  join(root, 'client-sdk'),
]);
