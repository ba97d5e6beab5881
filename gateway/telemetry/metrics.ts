/**
 * The metrics page in the Prometheus text format. Hot paths count in plain numbers of their own;
 * sources read those when the page is asked for.
 */
import { AggregatorRegistry, Counter, Gauge, Registry, type MetricObject } from 'prom-client';
import type { MetricSource } from './metric-source.ts';
import { ProcessMetrics } from './process-metrics.ts';

/** All metrics of one process, in a form that another process can be sent. */
export type MetricsPage = readonly MetricObject[];

/** One text of the pages of several processes, which have a label of their own each. */
export function mergedText(pages: readonly MetricsPage[]): Promise<string> {
  return AggregatorRegistry.aggregate(pages.map((page) => [...page])).metrics();
}

export class Metrics {
  readonly #registry = new Registry();
  readonly #process = new ProcessMetrics();

  /** @param labels are on every sample. */
  constructor(labels: Readonly<Record<string, string>> = {}) {
    this.#registry.setDefaultLabels(labels);
    this.addAll(this.#process.sources);
  }

  /** @throws Error for a name against the rules or used before: both are bugs. */
  add(source: MetricSource): void {
    checkName(source);
    const { name, help, type, labelNames = [] } = source;
    const registers = [this.#registry];
    if (type === 'counter') {
      const counter: Counter = new Counter({
        name,
        help,
        labelNames: [...labelNames],
        registers,
        collect: () => {
          clear(counter, labelNames);
          for (const { labels, value } of source.read()) counter.inc({ ...labels }, value);
        },
      });
      return;
    }
    const gauge: Gauge = new Gauge({
      name,
      help,
      labelNames: [...labelNames],
      registers,
      collect: () => {
        clear(gauge, labelNames);
        for (const { labels, value } of source.read()) gauge.set({ ...labels }, value);
      },
    });
  }

  addAll(sources: Iterable<MetricSource>): void {
    for (const source of sources) this.add(source);
  }

  /** The page, as of now. */
  async text(): Promise<string> {
    return this.#registry.metrics();
  }

  /** The same for another process. */
  async page(): Promise<MetricsPage> {
    return this.#registry.getMetricsAsJSON();
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** Stops the measurement of the event loop. */
  close(): void {
    this.#process.close();
  }
}

/** Forgets all samples. `reset` alone would leave a 0 where there are no labels. */
function clear(metric: Counter | Gauge, labelNames: readonly string[]): void {
  if (labelNames.length === 0) metric.remove();
  else metric.reset();
}

function checkName({ name, type }: MetricSource): void {
  const isTotal = name.endsWith('_total');
  if (!/^trunkline_[a-z][a-z0-9_]*$/.test(name) || isTotal !== (type === 'counter')) {
    throw new Error(
      `A metric's name must start with trunkline_ and end in _total if it is a counter, got ${name}`,
    );
  }
}
