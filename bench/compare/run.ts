/** `npm run bench:compare`: measures the watched ratios and holds them against the baseline. */
import { parseArgs } from 'node:util';
import { buildGenerator } from '../micro/generator.ts';
import { describeMachine } from '../micro/machine.ts';
import { parseOptions } from '../micro/options.ts';
import { formatNumber, formatShare, formatTable } from '../micro/table.ts';
import { baselineOf, judge, readBaseline, writeBaseline, type BaselineRatio } from './baseline.ts';
import { watchedRatios } from './ratios.ts';
import { runSeries } from './series.ts';

const usage = `usage: npm run bench:compare -- [options]
  --update        write bench/baseline.json out of --series series, instead of comparing
  --series N      series of runs (1; with --update 3); about three minutes each
`;

const sizes = { turns: 2, crossRate: 3000 };

interface Observed {
  readonly name: string;
  readonly what: string;
  readonly values: readonly number[];
}

async function observe(series: number): Promise<readonly Observed[]> {
  const options = parseOptions(['fanout', '--connections', '5000']);
  const values = new Map<string, number[]>(watchedRatios.map(({ name }) => [name, []]));
  for (let number = 0; number < series; number++) {
    const measurements = await runSeries(options, sizes);
    for (const { name, value } of watchedRatios) {
      const found = value(measurements);
      if (found !== undefined) values.get(name)?.push(found);
      process.stderr.write(`series ${String(number + 1)}: ${name} ${formatNumber(found, 2)}\n`);
    }
  }
  return watchedRatios.map(({ name, what }) => ({ name, what, values: values.get(name) ?? [] }));
}

async function update(series: number): Promise<number> {
  const machine = describeMachine();
  const ratios: Record<string, BaselineRatio> = {};
  for (const { name, values } of await observe(series)) {
    const ratio = baselineOf(values);
    if (ratio === undefined) throw new Error(`${name} could not be measured`);
    ratios[name] = ratio;
  }
  const [date = ''] = (machine['date'] ?? '').split(' ');
  writeBaseline({ date, machine: machine['processor'] ?? '', ratios });
  process.stdout.write('Written to bench/baseline.json.\n');
  return 0;
}

async function compare(series: number): Promise<number> {
  const baseline = readBaseline();
  const observed = await observe(series);
  const rows = observed.flatMap(({ name, values, what }) => {
    const before = baseline.ratios[name];
    if (before === undefined) return [];
    const now = baselineOf(values)?.value;
    return [{ name, what, before, now, verdict: judge(now, before) }];
  });
  const table = formatTable(
    ['ratio', 'baseline', 'tolerance', 'now', 'verdict', 'gateway against'],
    rows.map(({ before, name, now, verdict, what }) => [
      name,
      formatNumber(before.value, 2),
      formatShare(before.tolerance),
      formatNumber(now, 2),
      verdict,
      what,
    ]),
  );
  process.stdout.write(`${table}\n`);
  return rows.some(({ verdict }) => verdict === 'worse' || verdict === 'unmeasured') ? 1 : 0;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      update: { type: 'boolean', default: false },
      series: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(usage);
    return 0;
  }
  const series = Number(values.series ?? (values.update ? 3 : 1));
  if (!Number.isInteger(series) || series < 1 || series > 20) {
    throw new Error(`--series must be 1..20, got "${String(values.series)}"`);
  }
  buildGenerator();
  return values.update ? await update(series) : await compare(series);
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(
    `error: ${error instanceof Error ? error.message : String(error)}\n${usage}`,
  );
  process.exitCode = 2;
}
