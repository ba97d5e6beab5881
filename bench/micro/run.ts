/** `npm run bench`: runs the chosen scenarios one after the other and writes their tables. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { buildGenerator } from './generator.ts';
import { describeMachine } from './machine.ts';
import {
  parseOptions,
  usage,
  UsageError,
  type BenchOptions,
  type ScenarioName,
} from './options.ts';
import { formatSection, writeReport, type Progress, type Section } from './report.ts';
import { measureAccept } from './scenarios/accept.ts';
import { measureBrokers } from './scenarios/brokers.ts';
import { measureCross } from './scenarios/cross.ts';
import { measureCrowd } from './scenarios/crowd.ts';
import { measureFanout } from './scenarios/fanout.ts';
import { measureJitter } from './scenarios/jitter.ts';
import { measureIdle } from './scenarios/idle.ts';
import { measurePieces } from './scenarios/pieces.ts';
import { measureSaturation } from './scenarios/saturation.ts';
import { measureStalled } from './scenarios/stalled.ts';
import { measureStorm } from './scenarios/storm.ts';
import { measureStreamBrokers } from './scenarios/stream-brokers.ts';
import { measureStreams } from './scenarios/streams.ts';
import { measureThrottled } from './scenarios/throttled.ts';

type Scenario = (options: BenchOptions, progress: Progress) => Promise<Section>;

const scenarios: Readonly<Record<ScenarioName, Scenario>> = {
  fanout: measureFanout,
  saturation: measureSaturation,
  idle: measureIdle,
  accept: measureAccept,
  stalled: measureStalled,
  cross: measureCross,
  streams: measureStreams,
  'stream-brokers': measureStreamBrokers,
  throttled: measureThrottled,
  storm: measureStorm,
  brokers: measureBrokers,
  crowd: measureCrowd,
  jitter: measureJitter,
  pieces: measurePieces,
};

/** Set where this program has started itself in a network namespace. */
const insideNamespace = 'BENCH_NAMESPACE';

function progress(text: string): void {
  process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`);
}

/** Runs this program again in a network namespace of its own, with settings of its own. */
function runInNamespace(
  sysctls: Readonly<Record<string, string>>,
  args: readonly string[],
): number {
  const settings = Object.entries(sysctls).map(
    ([name, value]) => `echo "${value}" > /proc/sys/net/ipv4/${name}`,
  );
  const script = ['ip link set lo up', ...settings, 'exec "$0" "$@"'].join(' && ');
  const self = [process.execPath, fileURLToPath(import.meta.url), ...args];
  const command = ['--map-root-user', '--net', 'sh', '-c', script, ...self];
  const env = { ...process.env, [insideNamespace]: 'yes' };
  const { status, error } = spawnSync('unshare', command, { stdio: 'inherit', env });
  if (error !== undefined) {
    throw new Error('settings of the kernel need unshare and ip', { cause: error });
  }
  return status ?? 1;
}

async function main(args: readonly string[]): Promise<number> {
  const options = parseOptions(args);
  const { sysctls } = options;
  if (Object.keys(sysctls).length > 0 && process.env[insideNamespace] === undefined) {
    return runInNamespace(sysctls, args);
  }
  buildGenerator();
  const machine = describeMachine();
  const sections: Section[] = [];
  for (const name of options.scenarios) {
    const section = await scenarios[name](options, progress);
    sections.push(section);
    process.stdout.write(`\n${formatSection(section)}\n`);
  }
  const stamp = new Date().toISOString().slice(0, 19).replaceAll(':', '-');
  const command = `npm run bench -- ${args.join(' ')}`;
  const path = writeReport(
    { machine, command, sections },
    `${stamp}-${options.scenarios.join('-')}`,
  );
  if (options.summary !== undefined) {
    writeReport({ machine, command, sections }, `summary-${options.summary}`);
  }
  process.stdout.write(`\nWritten to ${path} and the .json beside it.\n`);
  return 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (error instanceof UsageError) process.stderr.write(`${error.message}\n\n${usage}`);
  else process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
