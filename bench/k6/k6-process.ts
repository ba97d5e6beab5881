/** Runs k6 once and collects what its scripts report. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { inRepository } from '../micro/paths.ts';
import type { MarkLine, PublisherLine, ReceiverLine, ReportLine } from './plan.ts';

/** Sums over all VUs of one run, and its raw samples. */
export interface K6Result {
  readonly published: number;
  readonly expected: number;
  readonly refused: number;
  readonly delivered: number;
  readonly duplicate: number;
  readonly misdelivered: number;
  readonly outOfOrder: number;
  readonly gaps: number;
  readonly reconnects: number;
  readonly unready: number;
  readonly lost: number;
  /** Latency from the moment a message was due to its receipt, in microseconds. */
  readonly deliveryUs: Uint32Array;
  /** How late messages were sent, in microseconds: what k6 itself adds. */
  readonly latenessUs: Uint32Array;
}

export interface K6Run {
  readonly binary: string;
  /** A file of `scenarios/`, without its ending. */
  readonly script: string;
  readonly planFile: string;
  readonly limitMs: number;
  /** Called at the edges of the window with k6's process id. */
  readonly onMark: (edge: MarkLine['edge'], pid: number) => void;
}

const outputLinesMax = 30;
const k6Settings = { K6_NO_USAGE_REPORT: 'true', NO_COLOR: '1' };
/** k6's exit code when a threshold of the script does not hold; the counters say which. */
const thresholdsFailed = 99;

/** @throws Error with k6's last output when it did not run to its end. */
export async function runK6(run: K6Run): Promise<K6Result> {
  const script = inRepository(`bench/k6/scenarios/${run.script}.ts`);
  const flags = ['--quiet', '--no-summary', '--log-format', 'raw'];
  const child = spawn(run.binary, ['run', ...flags, '--env', `K6_PLAN=${run.planFile}`, script], {
    env: { ...process.env, ...k6Settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const limit = setTimeout(() => child.kill('SIGKILL'), run.limitMs);
  const lines: ReportLine[] = [];
  const output: string[] = [];
  const take = (text: string): void => {
    const line = parseLine(text);
    if (line === undefined) {
      if (output.push(text) > outputLinesMax) output.shift();
    } else if (line.kind === 'mark') {
      run.onMark(line.edge, child.pid ?? 0);
    } else {
      lines.push(line);
    }
  };
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', take);
  }
  const how = await new Promise<number | string>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve(code ?? signal ?? 'unknown'));
  });
  clearTimeout(limit);
  if ((how !== 0 && how !== thresholdsFailed) || !lines.some(({ kind }) => kind === 'receiver')) {
    throw new Error(`k6 ended with ${String(how)}. Its last output:\n${output.join('\n')}`);
  }
  return sumUp(lines);
}

/** The report in a line of k6's log; undefined when the line is something else. */
export function parseLine(text: string): ReportLine | undefined {
  if (!text.startsWith('{"kind":')) return undefined;
  // The border to the scripts, which print exactly these types.
  return JSON.parse(text) as ReportLine;
}

/** Adds up the lines of all VUs. */
export function sumUp(lines: readonly ReportLine[]): K6Result {
  const publishers = lines.filter((line) => line.kind === 'publisher');
  const receivers = lines.filter((line) => line.kind === 'receiver');
  const sent = (pick: (line: PublisherLine) => number): number =>
    publishers.reduce((sum, line) => sum + pick(line), 0);
  const got = (pick: (line: ReceiverLine) => number): number =>
    receivers.reduce((sum, line) => sum + pick(line), 0);
  return {
    published: sent((line) => line.published),
    expected: sent((line) => line.expected),
    refused: sent((line) => line.refused),
    delivered: got((line) => line.delivered),
    duplicate: got((line) => line.duplicate),
    misdelivered: got((line) => line.misdelivered),
    outOfOrder: got((line) => line.outOfOrder),
    gaps: got((line) => line.gaps),
    reconnects: got((line) => line.reconnects),
    unready: got((line) => line.unready),
    lost: got((line) => line.lost) + sent((line) => line.lost),
    deliveryUs: samplesOf(lines, 'delivery'),
    latenessUs: samplesOf(lines, 'lateness'),
  };
}

function samplesOf(lines: readonly ReportLine[], of: 'delivery' | 'lateness'): Uint32Array {
  return Uint32Array.from(
    lines.flatMap((line) => (line.kind === 'samples' && line.of === of ? line.us : [])),
  );
}
