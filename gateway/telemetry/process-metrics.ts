/** What this process costs and how late its event loop runs. */
import { monitorEventLoopDelay, type IntervalHistogram } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import type { MetricSample, MetricSource } from './metric-source.ts';

const resolutionMs = 10;
const nanosecondsPerSecond = 1e9;

export class ProcessMetrics {
  readonly sources: readonly MetricSource[];
  readonly #delays: IntervalHistogram;

  constructor() {
    this.#delays = monitorEventLoopDelay({ resolution: resolutionMs });
    this.#delays.enable();
    this.sources = [
      {
        name: 'trunkline_event_loop_delay_seconds',
        help: 'How late the event loop ran since the last scrape: median, 99th percentile, longest.',
        type: 'gauge',
        labelNames: ['quantile'],
        read: () => this.#readDelays(),
      },
      ...processSources,
    ];
  }

  close(): void {
    this.#delays.disable();
  }

  #readDelays(): readonly MetricSample[] {
    const delays = this.#delays;
    const samples = [
      { labels: { quantile: '0.5' }, value: toDelaySeconds(delays.percentile(50)) },
      { labels: { quantile: '0.99' }, value: toDelaySeconds(delays.percentile(99)) },
      { labels: { quantile: '1' }, value: toDelaySeconds(delays.max) },
    ];
    delays.reset();
    return samples;
  }
}

const processSources: readonly MetricSource[] = [
  {
    name: 'trunkline_process_resident_memory_bytes',
    help: 'Resident memory of the process.',
    type: 'gauge',
    read: readResidentMemory,
  },
  {
    name: 'trunkline_process_heap_bytes',
    help: 'Memory of the JavaScript heap: used, and reserved for it.',
    type: 'gauge',
    labelNames: ['state'],
    read: readHeap,
  },
  {
    name: 'trunkline_process_cpu_seconds_total',
    help: 'CPU time of the process, by mode.',
    type: 'counter',
    labelNames: ['mode'],
    read: readCpu,
  },
  {
    name: 'trunkline_process_uptime_seconds',
    help: 'Seconds since the process started.',
    type: 'gauge',
    read: () => [{ value: process.uptime() }],
  },
];

/** The histogram holds times between two timers, which are the resolution when nothing is late. */
function toDelaySeconds(nanoseconds: number): number {
  const delay = nanoseconds / nanosecondsPerSecond - resolutionMs / 1000;
  return Number.isFinite(delay) && delay > 0 ? delay : 0;
}

/** Reading it opens a file of the system, which fails when no descriptor is left: no sample then. */
function readResidentMemory(): readonly MetricSample[] {
  try {
    return [{ value: process.memoryUsage.rss() }];
  } catch {
    return [];
  }
}

function readHeap(): readonly MetricSample[] {
  const { used_heap_size: used, total_heap_size: total } = getHeapStatistics();
  return [
    { labels: { state: 'used' }, value: used },
    { labels: { state: 'total' }, value: total },
  ];
}

function readCpu(): readonly MetricSample[] {
  const { user, system } = process.cpuUsage();
  return [
    { labels: { mode: 'user' }, value: user / 1e6 },
    { labels: { mode: 'system' }, value: system / 1e6 },
  ];
}
