/** The plots of the report, each from raw data alone. */
import { Cell, type Measurement } from './data.ts';
import { drawChart, type Series } from './svg.ts';

export interface Plot {
  /** Of the file, without its ending. */
  readonly name: string;
  readonly alt: string;
  readonly svg: string;
}

/** Those for which there is data. */
export function plotsOf(all: readonly Measurement[]): readonly Plot[] {
  return [
    latencyPlot(all, {
      name: 'fan-out-latency',
      rows: ['fanout', 'fanout-highest'],
      title: 'Fan-out to 1,000 subscribers: p99 against rate',
      xLabel: 'messages per second',
    }),
    latencyPlot(all, {
      name: 'user-to-user-latency',
      rows: ['cross', 'cross-highest', 'cross-half'],
      title: 'User to user over two nodes: p99 against rate',
      xLabel: 'messages per second',
    }),
    memoryPlot(all),
    scalePlot(all),
    k6Plot(all),
  ].flatMap((plot) => plot ?? []);
}

interface LatencyPlot {
  readonly name: string;
  readonly rows: readonly string[];
  readonly title: string;
  readonly xLabel: string;
}

/** Each point is all valid runs of a server at a rate together. */
function latencyPlot(
  all: readonly Measurement[],
  { name, rows, title, xLabel }: LatencyPlot,
): Plot | undefined {
  const own = all.filter(({ invalid, row }) => rows.includes(row) && invalid.length === 0);
  const series = targetsOf(own).map((target) => ({
    name: target,
    points: pointsOf(own, target, 'rate', (cell) => msOf(cell.latency(0.99))),
  }));
  return plot(name, title, {
    series,
    x: { label: xLabel, isLog: true },
    y: { label: 'p99, ms', isLog: true },
  });
}

function memoryPlot(all: readonly Measurement[]): Plot | undefined {
  const own = all.filter(({ row }) => row === 'idle');
  const series = targetsOf(own).map((target) => ({
    name: target,
    points: pointsOf(own, target, 'connections', (cell) => {
      const bytes = cell.median('rssAfterGc');
      const connections = cell.runs[0]?.params['connections'];
      if (bytes === undefined || connections === undefined) return undefined;
      return (bytes * connections) / 2 ** 20;
    }),
  }));
  return plot('memory', 'Process memory of idle connections', {
    series,
    x: { label: 'connections' },
    y: { label: 'MiB more than without connections' },
  });
}

function scalePlot(all: readonly Measurement[]): Plot | undefined {
  const own = all.filter(({ row }) => row === 'scale');
  const rates = [...new Set(own.flatMap(({ params }) => params['rate'] ?? []))];
  const series = rates.flatMap((rate) => {
    const some = own.filter(({ params }) => params['rate'] === rate);
    return targetsOf(some).map((target) => ({
      name: `${target}, ${rate.toLocaleString('en-US')}/s`,
      points: pointsOf(some, target, 'nodes', (cell) => {
        const seconds = cell.quotient('nodesCpuSeconds', 'deliveries');
        return seconds === undefined ? undefined : seconds * 1e6;
      }),
    }));
  });
  return plot('scaling', 'Groups of 10 over all nodes: CPU time of the nodes per delivery', {
    series,
    x: { label: 'nodes' },
    y: { label: 'µs per delivery' },
  });
}

const k6Shown = ['fanout', 'large-groups', 'small-groups', 'user-to-user', 'rest-to-user', 'echo'];

function k6Plot(all: readonly Measurement[]): Plot | undefined {
  const own = all.filter(({ row, target }) => row === 'k6' && target.endsWith(' redis'));
  const series = k6Shown.map((scenario) => ({
    name: scenario,
    points: pointsOf(own, `${scenario} redis`, 'nodes', (cell) => msOf(cell.latency(0.99))),
  }));
  return plot('k6-latency', 'k6 on Redis: p99 against nodes', {
    series,
    x: { label: 'nodes' },
    y: { label: 'p99, ms' },
  });
}

function plot(
  name: string,
  title: string,
  chart: Omit<Parameters<typeof drawChart>[0], 'title'>,
): Plot | undefined {
  if (chart.series.every(({ points }) => points.length === 0)) return undefined;
  return { name, alt: title, svg: drawChart({ ...chart, title }) };
}

function targetsOf(measurements: readonly Measurement[]): readonly string[] {
  return [...new Set(measurements.map(({ target }) => target))];
}

/** One point for each value of a parameter, over all rows in `own`. */
function pointsOf(
  own: readonly Measurement[],
  target: string,
  parameter: string,
  yOf: (cell: Cell) => number | undefined,
): Series['points'] {
  const merged = own.filter((each) => each.target === target).map((each) => ({ ...each, row: '' }));
  const xs = [...new Set(merged.flatMap(({ params }) => params[parameter] ?? []))];
  return xs
    .toSorted((a, b) => a - b)
    .flatMap((x) => {
      const y = yOf(new Cell(merged, '', target, { [parameter]: x }));
      return y === undefined || y <= 0 ? [] : [[x, y] as const];
    });
}

function msOf(us: number | undefined): number | undefined {
  return us === undefined ? undefined : us / 1000;
}
