/** `npm run bench:compare`: brings the clone up to date and compares. Arguments are passed on. */
import { bootstrap, stop } from './bootstrap.js';
import { runNode } from './run.js';
import { ensurePrograms } from './system-packages.js';

await bootstrap();
const missing = await ensurePrograms(['redis-server']);
if (missing.length > 0) stop(missing.join('\n'));
process.exitCode = await runNode(['dist/bench/compare/run.js', ...process.argv.slice(2)]);
