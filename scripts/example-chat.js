/** `npm run example:chat`: brings the clone up to date and runs the chat of examples/chat. */
import { bootstrap, stop } from './bootstrap.js';
import { followNpm } from './follow-npm.js';
import { ensurePrograms } from './system-packages.js';

const args = process.argv.slice(2);

/** The programs that these arguments ask for; none when they are wrong, which main.js then says. */
async function neededPrograms() {
  const { parseExampleOptions } = await import('../dist/examples/chat/run/options.js');
  const { programsOf } = await import('../dist/bench/cluster/options.js');
  try {
    if (args.includes('--help')) return [];
    return programsOf({ ...parseExampleOptions(args), nginx: true });
  } catch {
    return [];
  }
}

await bootstrap();
const missing = await ensurePrograms(await neededPrograms());
if (missing.length > 0) stop(missing.join('\n'));
followNpm();
// In this very process, so that signals and the exit code are the chat's own.
await import('../dist/examples/chat/run/main.js');
