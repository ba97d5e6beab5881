/** `npm run bench:k6`: brings the clone up to date, gets k6, and runs it. Arguments are passed on. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { bootstrap, root, stop } from './bootstrap.js';
import { run, runNode } from './run.js';
import { ensurePrograms } from './system-packages.js';

const args = process.argv.slice(2);
const k6Package = 'go.k6.io/k6@v1.8.1';
const folder = join(root, '.cache', 'bin');
const isWindows = process.platform === 'win32';

function answers(command, argument) {
  return spawnSync(command, [argument], { stdio: 'ignore' }).status === 0;
}

/** Builds k6 with Go, once, where there is none; else says how to get it. */
async function ensureK6() {
  if (existsSync(join(folder, isWindows ? 'k6.exe' : 'k6')) || answers('k6', 'version')) return;
  if (!answers('go', 'version')) {
    stop(
      `k6 is not installed and there is no Go to build it: install Go and run "go install ` +
        `${k6Package}", or put k6 1.x into the PATH (https://grafana.com/docs/k6/latest/set-up/).`,
    );
  }
  console.log(`Building k6 with "go install ${k6Package}" (once, minutes) …`);
  const env = { ...process.env, GOBIN: folder };
  if ((await run('go', ['install', k6Package], { env })) !== 0) {
    stop(
      `"go install ${k6Package}" failed (its reason is above): repair it, or install k6 yourself.`,
    );
  }
}

/** The programs that these arguments ask for; none when they are wrong, which run.js then says. */
async function neededPrograms() {
  const { parseK6Options } = await import('../dist/bench/k6/options.js');
  const { programsOf } = await import('../dist/bench/cluster/options.js');
  try {
    const { backplanes, viaNginx } = parseK6Options(args);
    return backplanes.flatMap((backplane) => programsOf({ backplane, nginx: viaNginx }));
  } catch {
    return [];
  }
}

await bootstrap();
const missing = await ensurePrograms(await neededPrograms());
if (missing.length > 0) stop(missing.join('\n'));
if (!args.includes('--help')) await ensureK6();
process.exitCode = await runNode(['dist/bench/k6/run.js', ...args]);
