/** `npm run build`: installs what is missing and compiles everything to dist/. */
import { ensureBuilt, ensureInstalled } from './bootstrap.js';

await ensureInstalled();
process.exitCode = (await ensureBuilt({ force: true })) ? 0 : 1;
