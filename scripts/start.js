/** `npm start`: brings the clone up to date and runs the gateway in development mode. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { bootstrap, root } from './bootstrap.js';
import { followNpm } from './follow-npm.js';

await bootstrap();
process.env.TRUNKLINE_MODE ??= 'development';
followNpm();
// In this very process, so that signals and the exit code are the gateway's own.
const executable = join(root, 'bin', 'trunkline.js');
process.argv = [process.execPath, executable, 'serve', ...process.argv.slice(2)];
await import(pathToFileURL(executable).href);
