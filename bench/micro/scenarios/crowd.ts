/** A crowd: very many connections over several workers, idle, and then a message to all of them. */
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { ChildServer, findPort } from '../child-server.ts';
import { connectAll, type WaitingGenerator } from '../crowd-clients.ts';
import { gatewayTarget } from '../gateway-target.ts';
import type { GeneratorOptions } from '../generator.ts';
import type { BenchOptions } from '../options.ts';
import { readCpuSeconds, readMemory } from '../proc.ts';
import type { Progress, Section } from '../report.ts';
import { mergeSamples, percentile } from '../statistics.ts';
import { formatKiB, formatMs, formatNumber, formatShare, formatTable } from '../table.ts';
import type { PreparedClients } from '../target.ts';

/** Of a worker and of a generator: below the bound of descriptors of a process. */
const perProcess = 15_000;
const sourcesPerGenerator = 5;
const settleMs = 3000;
const idleMs = 10_000;
const broadcastSeconds = 10;

export interface CrowdRun {
  readonly connections: number;
  readonly workers: number;
  /** Per connection, as connected. */
  readonly processBytes: number;
  readonly tcpBytes: number;
  readonly slabBytes: number;
  readonly parentBytes: number;
  /** CPU of all workers while nothing is sent, in cores. */
  readonly idleCores: number;
  readonly broadcastCores: number;
  readonly p50Us: number | undefined;
  readonly p99Us: number | undefined;
  readonly complete: number;
  readonly busyShare: number;
}

const target = gatewayTarget({
  name: 'gateway-crowd',
  protocol: 'json.webpubsub.azure.v1',
  group: 'crowd',
  noEcho: true,
});

export async function measureCrowd(options: BenchOptions, progress: Progress): Promise<Section> {
  const runs: CrowdRun[] = [];
  const all = options.crowdConnections;
  // As many as one worker can have, for comparison.
  for (const connections of all > perProcess ? [perProcess, all] : [all]) {
    const run = await runCrowd(connections);
    runs.push(run);
    progress(`crowd ${formatNumber(connections)}: ${formatKiB(run.processBytes)} KiB each`);
  }
  const header = ['connections', 'workers', 'process KiB', 'TCP KiB', 'slab KiB', 'parent MiB'];
  const more = ['idle CPU', 'CPU at 1 message/s', 'p50 ms', 'p99 ms', 'complete', 'generator'];
  const rows = runs.map((run) => [
    formatNumber(run.connections),
    formatNumber(run.workers),
    formatKiB(run.processBytes),
    formatKiB(run.tcpBytes),
    formatKiB(run.slabBytes),
    formatNumber(run.parentBytes / 2 ** 20, 1),
    formatShare(run.idleCores, 1),
    formatShare(run.broadcastCores),
    formatMs(run.p50Us),
    formatMs(run.p99Us),
    formatShare(run.complete, 2),
    formatShare(run.busyShare),
  ]);
  return {
    title: 'A crowd of connections',
    method:
      `Each with a token, a user and the one group; at most ${formatNumber(perProcess)} to a worker and ` +
      'to a generator. Memory per connection is what all workers have more than before, as connected ' +
      'and without a forced collection; kernel figures hold both ends. Idle: CPU of all workers over ' +
      `${String(idleMs / 1000)} s without messages. Then one message of 100 bytes per second to all for ` +
      `${String(broadcastSeconds)} s: latency of 50 connections of the first generator.`,
    table: formatTable([...header, ...more], rows),
    notes: [],
    runs,
  };
}

async function runCrowd(connections: number): Promise<CrowdRun> {
  const workers = Math.ceil(connections / perProcess);
  const command = target.command(await findPort(), false);
  const env = { ...command.env, TRUNKLINE_WORKERS: String(workers) };
  const server = await ChildServer.start({ ...command, env });
  const prepared: PreparedClients[] = [];
  try {
    await delay(settleMs);
    const pids = workers === 1 ? [server.pid] : childrenOf(server.pid);
    const before = memoryOf(pids);
    const generators = await connectAll(generatorOptions(server.port, connections, prepared));
    await delay(settleMs);
    const after = memoryOf(pids);
    const idleFrom = cpuOf(pids);
    await delay(idleMs);
    const idleCores = (cpuOf(pids) - idleFrom) / (idleMs / 1000);
    const sent = await broadcast(generators, pids);
    return {
      connections,
      workers,
      processBytes: (after.rssBytes - before.rssBytes) / connections,
      tcpBytes: (after.tcpBytes - before.tcpBytes) / connections,
      slabBytes: (after.slabBytes - before.slabBytes) / connections,
      parentBytes: workers === 1 ? 0 : readMemory(server.pid).rssBytes,
      idleCores,
      ...sent,
      complete: sent.delivered / (sent.published * connections),
    };
  } finally {
    for (const { dispose } of prepared) dispose();
    await server.stop();
  }
}

/** Options of each generator; the first one publishes. */
function generatorOptions(
  port: number,
  connections: number,
  prepared: PreparedClients[],
): readonly GeneratorOptions[] {
  const count = Math.ceil(connections / perProcess);
  return Array.from({ length: count }, (_, index) => {
    const first = Math.floor((index * connections) / count);
    const own = Math.floor(((index + 1) * connections) / count) - first;
    const clients = target.clients({ port, connections: own, groupSize: own, join: true });
    prepared.push(clients);
    const publishing = { publishers: 1, rate: 1, warmup: 1, duration: broadcastSeconds, drain: 5 };
    return {
      ...clients.options,
      port,
      connections: own,
      firstSource: 1 + index * sourcesPerGenerator,
      connectRate: 3000,
      inFlight: 64,
      limit: 300,
      ...(index === 0 ? publishing : { sampled: 0 }),
    };
  });
}

async function broadcast(generators: readonly WaitingGenerator[], pids: readonly number[]) {
  const [first, ...others] = generators;
  if (first === undefined) throw new Error('a crowd has a generator');
  const from = cpuOf(pids);
  const result = await first.goOn();
  const seconds = broadcastSeconds + 1;
  const broadcastCores = (cpuOf(pids) - from) / seconds;
  await delay(settleMs);
  const rest = await Promise.all(others.map((other) => other.goOn()));
  const sorted = mergeSamples([result.samplesUs]);
  return {
    broadcastCores,
    published: result.sent,
    delivered: rest.reduce((sum, { delivered }) => sum + delivered, result.delivered),
    p50Us: percentile(sorted, 0.5),
    p99Us: percentile(sorted, 0.99),
    busyShare: result.busyShare,
  };
}

function childrenOf(pid: number): readonly number[] {
  const text = readFileSync(`/proc/${String(pid)}/task/${String(pid)}/children`, 'utf8');
  return text.trim().split(' ').map(Number);
}

function cpuOf(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + readCpuSeconds(pid), 0);
}

function memoryOf(pids: readonly number[]) {
  const readings = pids.map(readMemory);
  const [first] = readings;
  return {
    rssBytes: readings.reduce((sum, { rssBytes }) => sum + rssBytes, 0),
    // Of the whole machine, so each reading has the same.
    tcpBytes: first?.tcpBytes ?? 0,
    slabBytes: first?.slabBytes ?? 0,
  };
}
