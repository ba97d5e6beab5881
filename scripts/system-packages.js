/**
 * Programs that some tests and the native cluster need and npm cannot bring: how to see that they are
 * there, and how to get them. Tests that lack theirs are skipped with a printed reason.
 */
import { spawnSync } from 'node:child_process';
import { delimiter } from 'node:path';
import { run } from './run.js';

/**
 * `neededBy`: parts of the paths of the tests that use it. `commands`: any one of them that answers
 * (to `versionFlag`, else --version) proves that it is there. `apt`: its package on Debian and Ubuntu.
 */
const systemPackages = [
  {
    name: 'Chromium',
    neededBy: ['test/browser/', 'test/cluster/page', 'test/example/'],
    commands: ['chromium', 'chromium-browser', 'google-chrome'],
    apt: 'chromium',
  },
  {
    name: 'Redis',
    neededBy: ['redis', 'test/cluster/', 'test/example/'],
    commands: ['redis-server'],
    apt: 'redis-server',
  },
  {
    name: 'NATS',
    neededBy: ['nats', 'test/cluster/', 'test/example/'],
    commands: ['nats-server'],
    apt: 'nats-server',
  },
  {
    name: 'nginx',
    neededBy: ['test/cluster/', 'test/loss/', 'test/example/'],
    commands: ['nginx'],
    versionFlag: '-v',
    apt: 'nginx',
  },
  {
    name: 'HAProxy',
    neededBy: ['test/cluster/haproxy'],
    commands: ['haproxy'],
    versionFlag: '-v',
    apt: 'haproxy',
  },
];

const updateTimeoutMs = 2 * 60_000;
const installTimeoutMs = 5 * 60_000;

/** Servers are in folders that the PATH of an ordinary user often lacks. */
const env = {
  ...process.env,
  PATH: [process.env.PATH, '/usr/local/sbin', '/usr/sbin'].join(delimiter),
};

function answers(command, versionFlag = '--version') {
  const options = { env, stdio: 'ignore', timeout: 30_000 };
  return spawnSync(command, [versionFlag], options).status === 0;
}

function isPresent({ commands, versionFlag }) {
  return commands.some((command) => answers(command, versionFlag));
}

function mayInstall() {
  return process.getuid?.() === 0 && answers('apt-get');
}

async function install(packages) {
  const names = packages.map(({ apt }) => apt);
  console.log(`Installing ${names.join(', ')} with apt-get (once) …`);
  const options = {
    env: { ...env, DEBIAN_FRONTEND: 'noninteractive' },
    stdio: ['ignore', 'ignore', 'inherit'],
  };
  // A failed update is no reason to stop: the lists of the machine may be recent enough.
  await run('apt-get', ['update', '-qq'], { ...options, timeoutMs: updateTimeoutMs });
  const args = ['install', '-y', '-qq', '--no-install-recommends', ...names];
  await run('apt-get', args, { ...options, timeoutMs: installTimeoutMs });
}

/** Installs what is missing where this process may; returns what is missing then. */
async function installMissing(wanted) {
  const missing = wanted.filter((each) => !isPresent(each));
  if (missing.length > 0 && mayInstall()) await install(missing);
  return missing.filter((each) => !isPresent(each));
}

function howToInstall({ commands, apt }) {
  return (
    `on Debian or Ubuntu install it with "apt-get install ${apt}"; elsewhere put ` +
    `${commands.length > 1 ? 'one of these programs' : 'the program'} into the PATH: ` +
    `${commands.join(', ')}.`
  );
}

/**
 * Installs what these test files need and the machine lacks, where this process may; else says what
 * to install and which tests are skipped without it.
 */
export async function ensureSystemPackages(testFiles) {
  const needed = systemPackages.filter(({ neededBy }) =>
    testFiles.some((file) => neededBy.some((part) => file.includes(part))),
  );
  for (const each of await installMissing(needed)) {
    const tests = each.neededBy.join(' or ');
    console.log(
      `${each.name} is not installed: tests with ${tests} in their paths are skipped; ` +
        howToInstall(each),
    );
  }
}

/**
 * Installs these programs of the table where they are missing and this process may. Returns a
 * sentence for each that is missing then.
 */
export async function ensurePrograms(commands) {
  const needed = systemPackages.filter((each) =>
    commands.some((command) => each.commands.includes(command)),
  );
  const missing = await installMissing(needed);
  return missing.map((each) => `${each.name} is not installed: ${howToInstall(each)}`);
}
