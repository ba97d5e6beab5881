/** Which k6 is run: the one that was built for this project, else the one in the PATH. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { inRepository } from '../micro/paths.ts';

const binaryName = process.platform === 'win32' ? 'k6.exe' : 'k6';

/** The version line of a k6 that answers, or undefined. */
function versionOf(binary: string): string | undefined {
  const { status, stdout } = spawnSync(binary, ['version'], { encoding: 'utf8' });
  return status === 0 ? stdout.trim().split('\n')[0] : undefined;
}

/** The program to run. @throws Error when there is none; `npm run bench:k6` says how to get it. */
export function requireK6(): string {
  const own = inRepository(`.cache/bin/${binaryName}`);
  if (existsSync(own)) return own;
  if (versionOf(binaryName) !== undefined) return binaryName;
  throw new Error('There is no k6: start this by "npm run bench:k6", which installs it.');
}

export function k6Version(binary: string): string {
  return versionOf(binary) ?? 'unknown';
}
