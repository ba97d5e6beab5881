/** `npm run cluster`: brings the clone up to date and runs a cluster. Arguments are passed on. */
import { bootstrap, stop } from './bootstrap.js';
import { followNpm } from './follow-npm.js';
import { ensurePrograms } from './system-packages.js';

const args = process.argv.slice(2);

/** The programs that these arguments ask for; none when they are wrong, which run.js then says. */
async function neededPrograms() {
  const { parseRunOptions, programsOf, whyUnavailable } =
    await import('../dist/bench/cluster/options.js');
  try {
    const options = parseRunOptions(args);
    return whyUnavailable(options.backplane) === undefined ? programsOf(options) : [];
  } catch {
    return [];
  }
}

await bootstrap();
const missing = await ensurePrograms(await neededPrograms());
if (missing.length > 0) stop(missing.join('\n'));
followNpm();
// In this very process, so that signals and the exit code are the cluster's own.
await import('../dist/bench/cluster/run.js');
