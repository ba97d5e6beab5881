/**
 * Brings a fresh clone to the point where it can run: the right Node.js, the packages of the
 * lockfile, and an up-to-date dist/. Plain JavaScript without dependencies, because it runs before
 * anything is installed. Says nothing when there is nothing to do.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compile } from './compile.js';
import { runNpm } from './run.js';

/** The project's folder. */
export const root = fileURLToPath(new URL('..', import.meta.url));

const nodeMin = [20, 20];
const sourceFolders = [
  'gateway',
  'backplanes',
  'test',
  'bench',
  'client-sdk',
  'server-sdk',
  'examples',
];
const sourceFiles = ['tsconfig.json', 'package.json', 'package-lock.json', 'scripts/compile.js'];
const buildStamp = join(root, 'dist', '.built');

/** Ends the process with one sentence for the person who started it. */
export function stop(sentence) {
  console.error(sentence);
  process.exit(1);
}

function requireNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > nodeMin[0] || (major === nodeMin[0] && minor >= nodeMin[1])) return;
  stop(
    `Trunkline needs Node.js ${nodeMin.join('.')} or later, this is ${process.versions.node}: ` +
      'install a newer one from https://nodejs.org or with your version manager.',
  );
}

/**
 * True when node_modules holds what the lockfile asks for. npm writes its own record of what it
 * installed last, as its last step, so an interrupted installation does not count.
 */
function packagesMatchLockfile() {
  const installedFile = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(installedFile)) return false;
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  const installed = JSON.parse(readFileSync(installedFile, 'utf8')).packages;
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '') return true;
    const found = installed[path];
    if (found === undefined) return entry.optional === true;
    return found.version === entry.version && existsSync(join(root, path));
  });
}

/**
 * True when node_modules has the uWebSockets.js binary of this platform and Node.js release. Whether
 * the system can load it (its C library may be too old) is for the gateway to find out and say.
 */
export function hasNativeBinary() {
  const { platform, arch, versions } = process;
  return ['uWebSockets.js', 'uWebSockets.js-next'].some((name) => {
    const folder = join(root, 'node_modules', name);
    const binary = join(folder, `uws_${platform}_${arch}_${versions.modules}.node`);
    if (existsSync(binary)) return true;
    if (!existsSync(`${binary}.js`)) return false;
    try {
      const platformPackage = `@uwsjs/${platform}-${arch}-${versions.node.split('.')[0]}`;
      createRequire(join(folder, 'uws.js')).resolve(platformPackage);
      return true;
    } catch {
      return false;
    }
  });
}

async function installPackages() {
  const matches = packagesMatchLockfile();
  if (matches && hasNativeBinary()) return;
  // Told apart for whoever changed the Node.js release under an existing folder.
  const why = matches ? `for Node.js ${process.versions.node}` : 'of package-lock.json';
  console.log(`Installing the packages ${why} (once) …`);
  const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const code = await runNpm(['ci', ...options]);
  if (code !== 0) {
    stop('npm ci failed (its reason is above): repair the cause, then run the same command again.');
  }
  if (!hasNativeBinary()) {
    const { platform, arch, versions } = process;
    stop(
      `uWebSockets.js has no binary for ${platform}-${arch} with Node.js ${versions.node}: use a ` +
        'Node.js 20, 22 or 24 on Linux (glibc), macOS or Windows, or see ' +
        'docs/decisions/0007-uwebsockets-packages.md.',
    );
  }
}

function* filesUnder(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.name === 'node_modules' || entry.name === 'dist') continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesUnder(path);
    else yield path;
  }
}

/** One short string that changes when any source changes, appears or goes. */
function fingerprintOfSources() {
  const hash = createHash('sha256');
  const files = sourceFolders
    .map((folder) => join(root, folder))
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => [...filesUnder(folder)]);
  for (const file of [...files, ...sourceFiles.map((name) => join(root, name))].sort()) {
    const { mtimeMs, size } = statSync(file);
    hash.update(`${relative(root, file)}:${mtimeMs}:${size}\n`);
  }
  return hash.digest('hex');
}

/**
 * Builds dist/ when the sources are not those of the last build. Returns false when they do not
 * compile; the compiler has then said why.
 */
export async function ensureBuilt({ force = false } = {}) {
  const fingerprint = fingerprintOfSources();
  if (!force && existsSync(buildStamp) && readFileSync(buildStamp, 'utf8') === fingerprint)
    return true;
  if (!(await compile())) return false;
  mkdirSync(join(root, 'dist'), { recursive: true });
  writeFileSync(buildStamp, fingerprint);
  return true;
}

/** The right Node.js and the packages; ends the process with a sentence where that cannot be. */
export async function ensureInstalled() {
  requireNode();
  await installPackages();
}

/** Everything that has to be there before the gateway or its tests can run. */
export async function bootstrap() {
  await ensureInstalled();
  if (!(await ensureBuilt())) stop('The build failed: the compiler says why above.');
}
