/** One gateway and its broker under publications to many small groups, live or streams. */
import { rmSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { startCluster, type Cluster } from '../../cluster/cluster.ts';
import type { BackplaneName } from '../../cluster/options.ts';
import { cpuBetween, readCpu, waitForQuiet } from '../cpu-window.ts';
import { runGenerator } from '../generator.ts';
import {
  clientPath,
  publication,
  streamSettings,
  writePaths,
  writeSettings,
} from '../gateway-target.ts';
import type { BenchOptions } from '../options.ts';
import { generatorBusyShareMax } from '../scenarios/fanout.ts';
import { mergeSamples, percentile } from '../statistics.ts';

export type BrokerName = Extract<BackplaneName, 'redis' | 'nats'>;
export type GroupKind = 'live' | 'stream';

export interface BrokerRun {
  readonly broker: BrokerName;
  readonly kind: GroupKind;
  readonly rate: number;
  readonly seconds: number;
  readonly published: number;
  readonly deliveries: number;
  readonly nodeCpuSeconds: number;
  readonly brokerCpuSeconds: number;
  readonly p50Us: number | undefined;
  readonly p99Us: number | undefined;
  /** Delivered of expected, when the run had ended and a grace had passed. */
  readonly complete: number;
  readonly wrong: number;
  readonly busyShare: number;
  /** What neither gateway, broker nor generator used, in cores. */
  readonly othersCores: number;
  readonly isValid: boolean;
}

export interface SampledBrokerRun {
  readonly run: BrokerRun;
  readonly samplesUs: Uint32Array;
}

export const membersPerGroup = 10;
const settleMs = 500;

/** A fresh gateway and a fresh broker for one run. */
export async function runBroker(
  broker: BrokerName,
  kind: GroupKind,
  rate: number,
  options: BenchOptions,
): Promise<SampledBrokerRun> {
  const settingsFile = writeSettings(`broker-${broker}`, streamSettings);
  const cluster = await startCluster({
    backplane: broker,
    nodes: 1,
    nginx: false,
    env: { TRUNKLINE_CONFIG: settingsFile, TRUNKLINE_UPGRADES_PER_SECOND_MAX: '1000000' },
  });
  try {
    await delay(settleMs);
    await waitForQuiet(options.quietSecondsMax * 1000);
    return await loadCluster(cluster, { broker, kind, rate }, options);
  } finally {
    await cluster.stop();
    rmSync(settingsFile, { force: true });
  }
}

async function loadCluster(
  cluster: Cluster,
  cell: Pick<BrokerRun, 'broker' | 'kind' | 'rate'>,
  options: BenchOptions,
): Promise<SampledBrokerRun> {
  const { groups, payloadBytes, warmupSeconds, windowSeconds } = options;
  const [node] = cluster.nodes;
  const brokerPid = cluster.broker?.process.pid;
  if (node === undefined || brokerPid === undefined) {
    throw new Error(`a cluster on ${cell.broker} must have a node and a broker`);
  }
  const port = Number(new URL(node.url).port);
  const { accessKey } = cluster;
  const connections = groups * membersPerGroup;
  const paths = Array.from({ length: connections + groups }, (_, i) =>
    clientPath({ port, accessKey, userId: `user${String(i)}` }),
  );
  const pathsFile = writePaths(String(port), paths);
  let from = readCpu({});
  let to = from;
  try {
    const result = await runGenerator(
      {
        port,
        pathsFile,
        pid: [String(node.pid), String(brokerPid)],
        protocol: 'trunkline.v1.json',
        packed: true,
        grouped: true,
        groupSize: membersPerGroup,
        connections,
        publishers: groups,
        init: [`{"type":"joinGroup","group":"${cell.kind}{d}","ackId":1}`],
        ready: '"success":true',
        fail: '"success":false',
        publisherReady: '"event":"connected"',
        message: publication(`${cell.kind}{i}`, false),
        sampled: connections,
        rate: cell.rate,
        payload: payloadBytes,
        warmup: warmupSeconds,
        duration: windowSeconds,
        drain: 2,
        limit: 60,
      },
      {
        onMeasuring: () => {
          from = readCpu({});
        },
        onMeasured: () => {
          to = readCpu({});
        },
      },
    );
    if (result.failed > 0) {
      throw new Error(`${String(result.failed)} connections failed: ${result.firstFailure}`);
    }
    const [nodeCpuSeconds = 0, brokerCpuSeconds = 0] = result.cpuSecondsByPid;
    const sorted = mergeSamples([result.samplesUs]);
    const known = nodeCpuSeconds + brokerCpuSeconds + result.ownCpuSeconds;
    const run: BrokerRun = {
      ...cell,
      seconds: result.seconds,
      published: result.sentInWindow,
      deliveries: result.framesInWindow,
      nodeCpuSeconds,
      brokerCpuSeconds,
      p50Us: percentile(sorted, 0.5),
      p99Us: percentile(sorted, 0.99),
      complete: result.delivered / result.expected,
      wrong: result.duplicates + result.outOfOrder + result.misdelivered + result.unstamped,
      busyShare: result.busyShare,
      othersCores: Math.max(0, cpuBetween(from, to).othersCores - known / result.seconds),
      isValid: result.busyShare <= generatorBusyShareMax,
    };
    return { run, samplesUs: sorted };
  } finally {
    rmSync(pathsFile, { force: true });
  }
}
