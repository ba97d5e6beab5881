/** `npm run bench`: the micro benchmarks. Arguments are passed on. */
import { bootstrap } from './bootstrap.js';
import { runNode } from './run.js';

await bootstrap();
process.exitCode = await runNode(['dist/bench/micro/run.js', ...process.argv.slice(2)]);
