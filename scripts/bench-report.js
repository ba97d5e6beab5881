/** `npm run bench:report`: brings the clone up to date and reports. Arguments are passed on. */
import { bootstrap, stop } from './bootstrap.js';
import { runNode } from './run.js';
import { ensurePrograms } from './system-packages.js';

const args = process.argv.slice(2);

await bootstrap();
if (!args.includes('--data') && !args.includes('--help')) {
  const missing = await ensurePrograms(['redis-server', 'nats-server']);
  if (missing.length > 0) stop(missing.join('\n'));
}
process.exitCode = await runNode(['dist/bench/report/run.js', ...args]);
