/** `npm run fuzz`: throws random frames at the decoders for a while. Arguments are passed on. */
import { bootstrap } from './bootstrap.js';
import { runNode } from './run.js';

await bootstrap();
const args = process.argv.slice(2);
const bounded = args.some((arg) => arg.startsWith('--seconds'))
  ? args
  : ['--seconds', '60', ...args];
process.exitCode = await runNode([
  '--enable-source-maps',
  'dist/test/fuzz/frame-decoder.js',
  ...bounded,
]);
