/** Builds the load generator with the system's C compiler, runs it, and reads what it reports. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { inRepository } from './paths.ts';

/** The counters of one phase; fields of report.c. Counts of a window carry `InWindow`. */
export interface GeneratorReport {
  readonly event: 'ready' | 'measuring' | 'measured' | 'comingBack' | 'cameBack' | 'result';
  readonly ready: number;
  readonly failed: number;
  readonly lost: number;
  readonly stalledReady: number;
  readonly stalledCut: number;
  readonly firstFailure: string;
  readonly seconds: number;
  readonly serverCpuSeconds: number;
  /** The same for each `pid` in the order of the options. */
  readonly cpuSecondsByPid: readonly number[];
  readonly ownCpuSeconds: number;
  /** Share of the window in which the generator did not wait; above 0.7 it measures itself. */
  readonly busyShare: number;
  readonly framesInWindow: number;
  readonly bytesInWindow: number;
  readonly sentInWindow: number;
}

export interface GeneratorResult extends GeneratorReport {
  readonly sent: number;
  readonly delivered: number;
  readonly expected: number;
  readonly bytes: number;
  readonly pings: number;
  /** Signs of life of trunkline.v1, which are no messages. */
  readonly heartbeats: number;
  readonly missing: number;
  readonly duplicates: number;
  readonly outOfOrder: number;
  readonly unstamped: number;
  /** With `grouped`: messages that were for another group. */
  readonly misdelivered: number;
  /** What throttled connections got: notices of a gap, messages these told of, and messages. */
  readonly gaps: number;
  readonly gapDropped: number;
  readonly throttledFrames: number;
  /** Of connections that resumed: what the acks said, and messages that did not follow the last. */
  readonly recovered: number;
  readonly unrecovered: number;
  readonly holes: number;
  /** Connections that came back and have everything that was sent to their groups. */
  readonly caughtUp: number;
  readonly closedByServer: number;
  readonly closeCodes: Readonly<Record<string, number>>;
  /** Latencies in microseconds, intended send to read, in the order in which they came. */
  readonly samplesUs: Uint32Array;
}

export type GeneratorHook = (report: GeneratorReport) => void | Promise<void>;

/** Options of options.c in camelCase; an array repeats the option, true is a bare flag. */
export type GeneratorOptions = Readonly<
  Record<string, string | number | boolean | readonly string[] | undefined>
>;

/** Called at each phase; with `hold` the generator goes on when the promise is fulfilled. */
export interface GeneratorHooks {
  readonly onReady?: GeneratorHook;
  readonly onMeasuring?: GeneratorHook;
  readonly onMeasured?: GeneratorHook;
  /** With `resume`: all begin to come back. */
  readonly onComingBack?: GeneratorHook;
  /** With `resume`: the last has everything, or the time is up. */
  readonly onCameBack?: GeneratorHook;
}

/** The first C compiler that answers, or undefined. */
export function findCompiler(): string | undefined {
  const candidates = [process.env['CC'], 'cc', 'gcc', 'clang'];
  return candidates.find(
    (name) =>
      name !== undefined && spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0,
  );
}

/**
 * Path of the generator's binary, compiled if its sources changed.
 * @throws Error that says what to install or what the compiler said.
 */
export function buildGenerator(): string {
  const folder = inRepository('bench/generator');
  const names = readdirSync(folder).filter((name) => /\.[ch]$/.test(name));
  const hash = createHash('sha256');
  for (const name of names.toSorted()) hash.update(readFileSync(`${folder}/${name}`));
  const cache = inRepository('.cache/bench');
  const binary = `${cache}/generator-${hash.digest('hex').slice(0, 12)}`;
  if (existsSync(binary)) return binary;
  if (process.platform !== 'linux') {
    throw new Error(
      `The load generator uses epoll and runs on Linux only, not ${process.platform}`,
    );
  }
  const compiler = findCompiler();
  if (compiler === undefined) {
    throw new Error(
      'The load generator is C and no C compiler answers (tried $CC, cc, gcc, clang). ' +
        'Install one, for instance: apt-get install gcc libc6-dev',
    );
  }
  mkdirSync(cache, { recursive: true });
  const sources = names.filter((name) => name.endsWith('.c')).map((name) => `${folder}/${name}`);
  // Renamed into place, so that two builds at once never run half a file.
  const partial = `${binary}.${String(process.pid)}`;
  const flags = ['-O2', '-Wall', '-Wextra', '-std=c11', '-o', partial];
  const { status, stderr } = spawnSync(compiler, [...flags, ...sources], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${compiler} could not build the load generator:\n${stderr}`);
  renameSync(partial, binary);
  return binary;
}

/**
 * One run. Rejects when the generator stops without a result, with what it wrote to its standard
 * error. The run is bounded by the generator's own `limit`.
 */
export async function runGenerator(
  options: GeneratorOptions,
  hooks: GeneratorHooks = {},
): Promise<GeneratorResult> {
  const samplesFile = samplesPath();
  const child = spawn(buildGenerator(), toArguments({ ...options, samplesFile }), {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = new Promise<number | undefined>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => {
      resolve(code ?? undefined);
    });
  });
  try {
    const result = await readReports(child, hooks);
    const code = await exited;
    if (result === undefined || code !== 0) {
      throw new Error(`the load generator ended with ${String(code ?? 'a signal')}, see above`);
    }
    return { ...result, samplesUs: readSamples(samplesFile) };
  } finally {
    child.kill();
    rmSync(samplesFile, { force: true });
  }
}

async function readReports(
  child: ChildProcess,
  hooks: GeneratorHooks,
): Promise<Omit<GeneratorResult, 'samplesUs'> | undefined> {
  const { stdout, stdin } = child;
  if (stdout === null || stdin === null) throw new Error('the load generator has no pipes');
  stdin.on('error', () => {
    // It ended before it read the line; its exit code tells.
  });
  for await (const line of createInterface({ input: stdout })) {
    // The border to report.c, which prints exactly these fields.
    const report = JSON.parse(line) as Omit<GeneratorResult, 'samplesUs'>;
    if (report.event === 'result') return report;
    if (report.event === 'ready') await hooks.onReady?.(report);
    if (report.event === 'measuring') await hooks.onMeasuring?.(report);
    if (report.event === 'measured') await hooks.onMeasured?.(report);
    if (report.event === 'comingBack') await hooks.onComingBack?.(report);
    if (report.event === 'cameBack') await hooks.onCameBack?.(report);
    if (report.event === 'ready' || report.event === 'measured') stdin.write('go on\n');
  }
  return undefined;
}

function readSamples(path: string): Uint32Array {
  if (!existsSync(path)) return new Uint32Array();
  const bytes = readFileSync(path);
  return new Uint32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

function samplesPath(): string {
  const folder = inRepository('.cache/bench');
  mkdirSync(folder, { recursive: true });
  return `${folder}/samples-${String(process.pid)}-${String(process.hrtime.bigint())}`;
}

function toArguments(options: GeneratorOptions): string[] {
  const words: string[] = [];
  for (const [key, value] of Object.entries(options)) {
    const flag = `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    if (value === undefined || value === false) continue;
    if (value === true) words.push(flag);
    else if (typeof value === 'object') for (const item of value) words.push(flag, item);
    else words.push(flag, String(value));
  }
  return words;
}
