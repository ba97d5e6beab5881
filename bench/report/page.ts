/** The report as one Markdown page, out of raw data alone. */
import { formatNumber, formatTable } from '../micro/table.ts';
import type { Measurement, RawData } from './data.ts';
import { plotsOf, type Plot } from './plots.ts';
import { sectionsOf } from './tables.ts';
import { verdictsOf } from './verdicts.ts';

export interface Page {
  readonly markdown: string;
  readonly plots: readonly Plot[];
}

/** @param folder of the plots and the raw data, as links from the page have it */
export function makePage(data: RawData, folder: string): Page {
  const { measurements } = data;
  const plots = plotsOf(measurements);
  const sections = sectionsOf(measurements).map(({ plot, table, text, title }) => {
    const drawn = plots.find(({ name }) => name === plot);
    const image = drawn === undefined ? [] : [`![${drawn.alt}](${folder}/${drawn.name}.svg)`];
    return [`## ${title}`, text, table, ...image].join('\n\n');
  });
  const parts = [head(data, folder), targets(measurements), ...sections, limits(data)];
  return { markdown: `${parts.join('\n\n')}\n`, plots };
}

function head({ command, machine, seconds, startedAt }: RawData, folder: string): string {
  const facts = Object.entries(machine).map(([name, value]) => `- ${name}: ${value}`);
  return [
    '# Speed: the gateway and its peers',
    `\`${command}\`, begun ${startedAt.slice(0, 16).replace('T', ' ')} UTC, ` +
      `${formatNumber(seconds / 60, 0)} minutes. Written by that command; \`npm run bench:report -- ` +
      `--data bench/${folder}/data.json\` writes it again out of the [raw data](${folder}/data.json), ` +
      'which has every run and the latencies of each as a histogram. The method is in ' +
      '[README.md](README.md): same generator, payload and path for all, servers in turn, latency ' +
      'from the moment a message was due, percentiles of all samples together, CPU time of all ' +
      'processes of a server. **Read ratios; absolute figures belong to this machine.**',
    facts.join('\n'),
  ].join('\n\n');
}

function targets(measurements: readonly Measurement[]): string {
  const rows = verdictsOf(measurements).map(({ measured, target, verdict, what }) => [
    what,
    target,
    measured,
    verdict,
  ]);
  return [
    '## Against the targets',
    formatTable(['what', 'target', 'measured here', 'verdict'], rows),
    'Differences below 15 % are noise here. The size of the client SDK is held by `npm run build:client`.',
  ].join('\n\n');
}

/** What saturated, what does not count, what is missing. */
function limits({ measurements, missing }: RawData): string {
  const discarded = new Map<string, number>();
  for (const { invalid, params, row, target } of measurements) {
    for (const reason of invalid) {
      const load = params['rate'] === undefined ? '' : ` at ${formatNumber(params['rate'])}/s`;
      const key = `${row}, ${target}${load}: ${reason}`;
      discarded.set(key, (discarded.get(key) ?? 0) + 1);
    }
  }
  const incomplete = measurements.filter(
    ({ invalid, row, values }) =>
      invalid.length === 0 && row === 'fanout' && (values['complete'] ?? 1) < 0.9999,
  );
  const lines = [
    ...incomplete.map(
      ({ params, target, values }) =>
        `Saturated: ${target} at ${formatNumber(params['rate'])}/s delivered ` +
        `${formatNumber((values['complete'] ?? 0) * 100, 1)} % until 2 s after the end.`,
    ),
    ...[...discarded].map(([what, count]) => `Does not count (${String(count)}): ${what}.`),
    ...missing.map((what) => `Not measured: ${what}.`),
  ];
  const list = lines.length === 0 ? ['Nothing.'] : [...new Set(lines)];
  return [
    '## What saturated, and what does not count',
    list.map((each) => `- ${each}`).join('\n'),
  ].join('\n\n');
}
