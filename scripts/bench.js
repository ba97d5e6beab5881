/** `npm run bench`: the micro benchmarks. Arguments are passed on. */
import { bootstrap, stop } from './bootstrap.js';
import { runNode } from './run.js';
import { ensurePrograms } from './system-packages.js';

const args = process.argv.slice(2);

await bootstrap();
// The only scenario with brokers.
if (args.includes('cross') || args.includes('all')) {
  const missing = await ensurePrograms(['redis-server', 'nats-server']);
  if (missing.length > 0) stop(missing.join('\n'));
}
process.exitCode = await runNode(['dist/bench/micro/run.js', ...args]);
