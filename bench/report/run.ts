/** `npm run bench:report`: runs the selection, or takes raw data, and writes the page with its plots. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { buildGenerator } from '../micro/generator.ts';
import { describeMachine } from '../micro/machine.ts';
import { inRepository } from '../micro/paths.ts';
import { formatMs, formatNumber } from '../micro/table.ts';
import { buildEngine, engineVersion, whyNoEngine } from '../peers/centrifugo-programs.ts';
import { readRawData, writeRawData, type Measurement, type RawData } from './data.ts';
import { percentileOf } from './histogram.ts';
import { k6Measurements } from './imported.ts';
import { makePage } from './page.ts';
import { selectSteps, type Step } from './selection.ts';

const folder = 'results/report';
const usage = `usage: npm run bench:report -- [options]
  --data FILE     write the page out of this raw data; nothing is measured
  --k6 FILE       with the runs of this report of npm run bench:k6 (bench/results/<time>-k6.json)
  --only a,b      these steps only, into the raw data that is there
  --quick         every step in its shortest form, into .cache/bench: shows that it works
`;

function progress(text: string): void {
  process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`);
}

function describe({ latency = [], params, row, target, values }: Measurement): string {
  const rate = params['rate'] === undefined ? '' : ` ${formatNumber(params['rate'])}/s`;
  const outcome = values['held'] === 1 ? ', held' : ', not held';
  const held = values['held'] === undefined ? '' : outcome;
  const p99 = percentileOf(latency, 0.99);
  return `${row} ${target}${rate}${p99 === undefined ? '' : `: p99 ${formatMs(p99)} ms`}${held}`;
}

/** Runs the steps. One that fails is left out, and said; the others go on. */
async function measure(steps: readonly Step[], earlier: readonly Measurement[]) {
  const measurements = [...earlier];
  const missing: string[] = [];
  const rest = (from: number): number =>
    steps.slice(from).reduce((sum, { seconds }) => sum + seconds, 0);
  for (const [index, step] of steps.entries()) {
    progress(`${step.name}; about ${formatNumber(rest(index) / 60, 0)} minutes are left`);
    try {
      await step.run((measurement) => {
        measurements.push(measurement);
        progress(describe(measurement));
      }, measurements);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      missing.push(`${step.name} (${reason.split('\n')[0] ?? ''})`);
      progress(`${step.name} failed: ${reason}`);
    }
  }
  return { measurements, missing };
}

async function run(only: readonly string[], isQuick: boolean, args: string): Promise<RawData> {
  buildGenerator();
  if (whyNoEngine() === undefined) buildEngine();
  const steps = selectSteps(isQuick);
  const wrong = only.filter((name) => !steps.some((step) => step.name === name));
  if (wrong.length > 0) {
    const names = steps.map(({ name }) => name).join(', ');
    throw new Error(`--only must be of ${names}, got "${wrong.join(', ')}"`);
  }
  const chosen = only.length === 0 ? steps : steps.filter(({ name }) => only.includes(name));
  const before = only.length === 0 || isQuick ? undefined : readRawData(dataPath(isQuick));
  const replaced = new Set(only.flatMap((name) => rowsOf(name)));
  const kept = before?.measurements.filter(({ row }) => !replaced.has(row)) ?? [];
  const startedAt = new Date();
  const { measurements, missing } = await measure(chosen, kept);
  const why = whyNoEngine();
  return {
    version: 1,
    command: before?.command ?? `npm run bench:report${args}`,
    startedAt: startedAt.toISOString(),
    seconds: Math.round((Date.now() - startedAt.getTime()) / 1000) + (before?.seconds ?? 0),
    machine: { ...describeMachine(), "Centrifugo's engine": engineVersion() },
    measurements,
    missing: why === undefined ? missing : [...missing, `Centrifugo (${why})`],
  };
}

/** Rows of a step's measurements. */
function rowsOf(step: string): readonly string[] {
  if (step === 'cross-half') return ['cross-half', 'cross-half-broker'];
  return step === 'brokers' ? ['broker'] : [step];
}

function dataPath(isQuick: boolean): string {
  return isQuick
    ? inRepository('.cache/bench/report/data.json')
    : inRepository(`bench/${folder}/data.json`);
}

function write(data: RawData, isQuick: boolean): void {
  const path = dataPath(isQuick);
  const target = path.slice(0, path.lastIndexOf('/'));
  mkdirSync(target, { recursive: true });
  writeRawData(path, data);
  const { markdown, plots } = makePage(data, isQuick ? '.' : folder);
  for (const { name, svg } of plots) writeFileSync(`${target}/${name}.svg`, svg);
  const page = isQuick ? `${target}/REPORT.md` : inRepository('bench/REPORT.md');
  writeFileSync(page, markdown);
  process.stdout.write(`Written: ${page}, ${path} and ${String(plots.length)} plots beside it.\n`);
}

async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      data: { type: 'string' },
      k6: { type: 'string' },
      only: { type: 'string' },
      quick: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(usage);
    return 0;
  }
  const only = values.only?.split(',') ?? [];
  const spelled = args.length === 0 ? '' : ` -- ${args.join(' ')}`;
  const measured =
    values.data === undefined ? await run(only, values.quick, spelled) : readRawData(values.data);
  const data: RawData =
    values.k6 === undefined
      ? measured
      : {
          ...measured,
          measurements: [
            ...measured.measurements.filter(({ row }) => row !== 'k6'),
            ...k6Measurements(values.k6),
          ],
        };
  write(data, values.quick);
  return data.missing.length === 0 ? 0 : 1;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(
    `error: ${error instanceof Error ? error.message : String(error)}\n${usage}`,
  );
  process.exitCode = 2;
}
