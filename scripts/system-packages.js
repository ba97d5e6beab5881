/**
 * Programs that some tests need and npm cannot bring: how to see that they are there, and how to get
 * them. One line per program; tests that lack theirs are skipped with a printed reason.
 */
import { spawnSync } from 'node:child_process';
import { run } from './run.js';

/**
 * `neededBy`: part of the paths of the tests that use it. `commands`: any one of them that answers
 * proves that it is there. `apt`: its package on Debian and Ubuntu.
 */
const systemPackages = [
  {
    name: 'Chromium',
    neededBy: 'test/browser/',
    commands: ['chromium', 'chromium-browser', 'google-chrome'],
    apt: 'chromium',
  },
];

const updateTimeoutMs = 2 * 60_000;
const installTimeoutMs = 5 * 60_000;

function answers(command) {
  return spawnSync(command, ['--version'], { stdio: 'ignore', timeout: 30_000 }).status === 0;
}

function isPresent({ commands }) {
  return commands.some(answers);
}

function mayInstall() {
  return process.getuid?.() === 0 && answers('apt-get');
}

async function install(packages) {
  const names = packages.map(({ apt }) => apt);
  console.log(`Installing ${names.join(', ')} with apt-get (once) …`);
  const options = {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    stdio: ['ignore', 'ignore', 'inherit'],
  };
  // A failed update is no reason to stop: the lists of the machine may be recent enough.
  await run('apt-get', ['update', '-qq'], { ...options, timeoutMs: updateTimeoutMs });
  const args = ['install', '-y', '-qq', '--no-install-recommends', ...names];
  await run('apt-get', args, { ...options, timeoutMs: installTimeoutMs });
}

/**
 * Installs what these test files need and the machine lacks, where this process may; else says what
 * to install and which tests are skipped without it.
 */
export async function ensureSystemPackages(testFiles) {
  const needed = systemPackages.filter(({ neededBy }) =>
    testFiles.some((file) => file.includes(neededBy)),
  );
  const missing = needed.filter((each) => !isPresent(each));
  if (missing.length === 0) return;
  if (mayInstall()) await install(missing);
  for (const each of missing.filter((one) => !isPresent(one))) {
    console.log(
      `${each.name} is not installed: the tests in ${each.neededBy} are skipped. On Debian or ` +
        `Ubuntu install it with "apt-get install ${each.apt}"; elsewhere put one of these programs ` +
        `into the PATH: ${each.commands.join(', ')}.`,
    );
  }
}
