/** One storm: all connections are cut at once, miss some publications, and all come back. */
import { setTimeout as delay } from 'node:timers/promises';
import { cpuBetween, readCpu, waitForQuiet } from '../cpu-window.ts';
import { runGenerator, type GeneratorResult } from '../generator.ts';
import { publication } from '../gateway-target.ts';
import { readMetricsPage, sumMetric } from '../metrics-page.ts';
import type { StormOptions } from '../options.ts';
import { ProcessWatch } from '../process-watch.ts';
import { mergeSamples, percentile } from '../statistics.ts';
import { startStormServers, type StormServerName, type StormServers } from './storm-servers.ts';

export interface StormRun {
  readonly servers: StormServerName;
  readonly connections: number;
  /** Connections that came back and have everything that was sent to their groups. */
  readonly caughtUp: number;
  readonly recovered: number;
  readonly unrecovered: number;
  readonly refused: number;
  /** From the moment in which all begin to come back. */
  readonly p50Us: number | undefined;
  readonly p99Us: number | undefined;
  readonly lastUs: number | undefined;
  /** Messages that were published while a connection was away, over all of them. */
  readonly missedWhileAway: number;
  /** Messages that a connection never got, over all of them. */
  readonly lost: number;
  readonly duplicates: number;
  readonly outOfOrder: number;
  readonly holes: number;
  readonly seconds: number;
  /** In cores, from the moment in which all begin to come back until the last has everything. */
  readonly nodeCores: number;
  readonly brokerCores: number;
  readonly generatorCores: number;
  readonly othersCores: number;
  /** Highest resident set of a node: with all connected before the cut, and after it. */
  readonly rssBeforeBytes: number;
  readonly rssPeakBytes: number;
  readonly events: Readonly<Record<string, number>>;
}

export interface SampledStormRun {
  readonly run: StormRun;
  readonly samplesUs: Uint32Array;
}

const settleMs = 1000;
const metricsMsMax = 5000;
const watchMs = 100;
/** Before the cut: messages per second to all groups together, so that everybody has a place. */
const rateBefore = 500;
const stormSecondsMax = 120;
const eventNames = ['resumes', 'unrecovered', 'catchUpReads', 'repairs', 'caughtUp'] as const;

export async function runStorm(
  name: StormServerName,
  options: StormOptions,
  quietSecondsMax: number,
): Promise<SampledStormRun> {
  const { connections, groups } = options;
  const servers = await startStormServers(name, connections + groups);
  const watch = new ProcessWatch(servers.nodePids, watchMs);
  try {
    await delay(settleMs);
    await waitForQuiet(quietSecondsMax * 1000);
    return await storm(name, { servers, watch, options });
  } finally {
    await watch.stop();
    await servers.stop();
  }
}

interface Storm {
  readonly servers: StormServers;
  readonly watch: ProcessWatch;
  readonly options: StormOptions;
}

async function storm(
  name: StormServerName,
  { servers, watch, options }: Storm,
): Promise<SampledStormRun> {
  const { connections, groups, missed } = options;
  let from = readCpu({});
  let to = from;
  let rssBeforeBytes = 0;
  const result = await runGenerator(generatorOptions(servers, options), {
    onMeasured: () => {
      watch.start();
      rssBeforeBytes = Math.max(...watch.peakRssBytes);
    },
    onComingBack: () => {
      from = readCpu({});
    },
    onCameBack: () => {
      to = readCpu({});
    },
  });
  await watch.stop();
  const cpu = result.cpuSecondsByPid.map((used) => used / result.seconds);
  const nodeCores = sum(cpu.slice(0, servers.nodePids.length));
  const brokerCores = sum(cpu.slice(servers.nodePids.length));
  const generatorCores = result.ownCpuSeconds / result.seconds;
  const { othersCores } = cpuBetween(from, to);
  const sorted = mergeSamples([result.samplesUs]);
  const run: StormRun = {
    ...countsOf(result),
    servers: name,
    connections,
    p50Us: percentile(sorted, 0.5),
    p99Us: percentile(sorted, 0.99),
    lastUs: result.caughtUp === connections ? sorted.at(-1) : undefined,
    missedWhileAway: groups * missed * (connections / groups),
    seconds: result.seconds,
    nodeCores,
    brokerCores,
    generatorCores,
    othersCores: Math.max(0, othersCores - nodeCores - brokerCores - generatorCores),
    rssBeforeBytes,
    rssPeakBytes: Math.max(...watch.peakRssBytes),
    events: await readEvents(servers.ports),
  };
  return { run, samplesUs: sorted };
}

function countsOf(result: GeneratorResult) {
  const { caughtUp, recovered, unrecovered, failed, missing } = result;
  const { duplicates, outOfOrder, holes } = result;
  return {
    caughtUp,
    recovered,
    unrecovered,
    refused: failed,
    lost: missing,
    duplicates,
    outOfOrder,
    holes,
  };
}

function generatorOptions(servers: StormServers, options: StormOptions) {
  const { awaySeconds, connections, groups, missed } = options;
  const pids = servers.brokerPid === undefined ? [] : [servers.brokerPid];
  return {
    port: servers.ports.map(String),
    pathsFile: servers.pathsFile,
    pid: [...servers.nodePids, ...pids].map(String),
    protocol: 'trunkline.v1.json',
    packed: true,
    grouped: true,
    connections,
    groupSize: connections / groups,
    publishers: groups,
    sampled: connections,
    init: ['{"type":"joinGroup","group":"stream{d}","ackId":1}'],
    ready: '"success":true',
    fail: '"success":false',
    publisherReady: '"event":"connected"',
    message: publication('stream{i}', false),
    resume: '{"type":"joinGroup","group":"stream{d}","since":{since},"ackId":2}',
    away: awaySeconds,
    awayMessages: missed,
    rate: rateBefore,
    warmup: 1,
    duration: 1,
    connectRate: 0,
    inFlight: 256,
    drain: stormSecondsMax,
    limit: stormSecondsMax * 2,
    hold: true,
  };
}

async function readEvents(ports: readonly number[]): Promise<Readonly<Record<string, number>>> {
  const pages = await Promise.all(ports.map((port) => readMetricsPage(port, metricsMsMax)));
  const total = (event: string): number =>
    sum(
      pages.map(
        (page) => sumMetric(page ?? '', 'trunkline_stream_events_total', `event="${event}"`) ?? 0,
      ),
    );
  return Object.fromEntries(eventNames.map((event) => [event, total(event)]));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
