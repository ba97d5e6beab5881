/**
 * Completes package-lock.json with the optional platform packages that npm left out of it.
 *
 * npm records a platform package only when the registry that it asked could show it. A lockfile made
 * behind a partial registry therefore lacks the other platforms, and `npm ci` refuses it everywhere.
 * Versions come from the parents' exact optionalDependencies; os, cpu, libc and the Node range follow
 * from the package's name. Such entries carry no integrity hash: run `npm install` against the full
 * registry to add it. Run after a change of dependencies: `node scripts/complete-lock.js`.
 */
import { readFileSync, writeFileSync } from 'node:fs';

const lockFile = new URL('../package-lock.json', import.meta.url);
const systems = [
  'darwin',
  'linux',
  'win32',
  'android',
  'freebsd',
  'openharmony',
  'netbsd',
  'sunos',
];
const processors = ['x64', 'arm64', 'arm', 'ia32', 'ppc64', 'riscv64', 's390x', 'loong64'];

/** The lock entry of a platform package, as far as its name tells. */
function platformEntry(name, version) {
  const words = name.replace(/^@[^/]+\//, '').split('-');
  const os = words.filter((word) => systems.includes(word));
  const cpu = words.filter((word) => processors.includes(word));
  if (os.length !== 1 || cpu.length !== 1) {
    throw new Error(`Cannot tell the platform of "${name}" from its name: add its entry by hand`);
  }
  const entry = { version, cpu, optional: true, os };
  if (words.includes('musl') || words.includes('musleabihf')) entry.libc = ['musl'];
  if (words.includes('gnu') || words.includes('gnueabihf')) entry.libc = ['glibc'];
  const node = name.startsWith('@uwsjs/') ? Number(words.at(-1)) : Number.NaN;
  if (Number.isInteger(node)) entry.engines = { node: `>=${node}.0.0 <${node + 1}.0.0` };
  return entry;
}

/** Where Node would find `name` from the package at `path`: its entry's key, or undefined. */
function findFrom(packages, path, name) {
  for (let folder = path; ; folder = folder.slice(0, folder.lastIndexOf('node_modules/'))) {
    const key = `${folder === '' || folder.endsWith('/') ? folder : `${folder}/`}node_modules/${name}`;
    if (packages[key] !== undefined) return key;
    if (folder === '') return undefined;
  }
}

const lock = JSON.parse(readFileSync(lockFile, 'utf8'));
const added = [];
for (const [path, entry] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const found = findFrom(lock.packages, path, name);
    const isExact = /^\d/.test(version);
    if (found !== undefined && (!isExact || lock.packages[found].version === version)) continue;
    const key = found === undefined ? `node_modules/${name}` : `${path}/node_modules/${name}`;
    lock.packages[key] = platformEntry(name, version);
    added.push(`${key}@${version}`);
  }
}
lock.packages = Object.fromEntries(
  Object.entries(lock.packages).sort(([a], [b]) => a.localeCompare(b, 'en')),
);
if (added.length > 0) writeFileSync(lockFile, `${JSON.stringify(lock, undefined, 2)}\n`);
console.log(added.length === 0 ? 'The lockfile is complete.' : `Added:\n  ${added.join('\n  ')}`);
