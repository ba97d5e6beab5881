/** The two forms of Centrifugo: its engine, built here with Go, and a whole one where there is one. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { inRepository } from '../micro/paths.ts';

const folder = inRepository('bench/peers/centrifugo');
const buildMsMax = 600_000;

/** Why the engine cannot be built here; undefined when it can, or is. */
export function whyNoEngine(): string | undefined {
  if (existsSync(enginePath())) return undefined;
  const { status } = spawnSync('go', ['version'], { stdio: 'ignore' });
  return status === 0
    ? undefined
    : "Centrifugo's engine is built with Go: install Go 1.26 or later";
}

/**
 * Path of the engine's program, compiled if its sources changed.
 * @throws Error that says what to install or what the compiler said.
 */
export function buildEngine(): string {
  const binary = enginePath();
  if (existsSync(binary)) return binary;
  const why = whyNoEngine();
  if (why !== undefined) throw new Error(why);
  mkdirSync(inRepository('.cache/bench'), { recursive: true });
  // Renamed into place, so that two builds at once never run half a file.
  const partial = `${binary}.${String(process.pid)}`;
  const { status, stderr, error } = spawnSync('go', ['build', '-o', partial, '.'], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...process.env, CGO_ENABLED: '0' },
    timeout: buildMsMax,
  });
  if (status !== 0) {
    throw new Error(`Go could not build Centrifugo's engine:\n${stderr}`, { cause: error });
  }
  renameSync(partial, binary);
  return binary;
}

/** Path of a whole Centrifugo, from `CENTRIFUGO_BIN`; undefined without it. */
export function wholeCentrifugo(): string | undefined {
  const path = process.env['CENTRIFUGO_BIN'];
  return path === undefined || path === '' ? undefined : path;
}

/** Version of the engine's module, from go.mod. */
export function engineVersion(): string {
  const text = readFileSync(`${folder}/go.mod`, 'utf8');
  return /centrifugal\/centrifuge (v\S+)/.exec(text)?.[1] ?? 'unknown';
}

function enginePath(): string {
  const hash = createHash('sha256');
  for (const name of readdirSync(folder).toSorted()) hash.update(readFileSync(`${folder}/${name}`));
  const digest = hash.digest('hex').slice(0, 12);
  return inRepository(`.cache/bench/centrifugo-engine-${digest}`);
}
