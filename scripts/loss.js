/** `npm run test:loss`: brings the clone up to date and runs the loss test. Arguments are passed on. */
import { bootstrap, stop } from './bootstrap.js';
import { followNpm } from './follow-npm.js';
import { ensurePrograms } from './system-packages.js';

const args = process.argv.slice(2);

/** The programs that these arguments ask for; none when they are wrong, which run.js then says. */
async function neededPrograms() {
  const { parseLossOptions, programsOf } = await import('../dist/test/loss/options.js');
  try {
    return programsOf(parseLossOptions(args, () => undefined).backplane);
  } catch {
    return [];
  }
}

await bootstrap();
const missing = await ensurePrograms(await neededPrograms());
if (missing.length > 0) stop(missing.join('\n'));
followNpm();
// In this very process, so that signals and the exit code are its own.
await import('../dist/test/loss/run.js');
