/** `npm run bench`: the micro benchmarks. Arguments are passed on. */
import { bootstrap, stop } from './bootstrap.js';
import { runNode } from './run.js';
import { ensurePrograms } from './system-packages.js';

const args = process.argv.slice(2);

await bootstrap();
const withBrokers = ['cross', 'stream-brokers', 'storm', 'brokers', 'all'];
if (withBrokers.some((name) => args.includes(name))) {
  const missing = await ensurePrograms(['redis-server', 'nats-server']);
  if (missing.length > 0) stop(missing.join('\n'));
}
process.exitCode = await runNode(['dist/bench/micro/run.js', ...args]);
