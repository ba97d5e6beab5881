/** Many groups of ten whose members are on every node: what a delivery costs on one, two, three nodes. */
import { rmSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { startCluster } from '../cluster/cluster.ts';
import { clientPath, publication, writePaths } from '../micro/gateway-target.ts';
import { runGenerator } from '../micro/generator.ts';
import { known, type Measurement } from './data.ts';
import { toHistogram } from './histogram.ts';

export interface ScaleLoad {
  readonly backplane: 'redis' | 'nats';
  readonly nodes: number;
  readonly rate: number;
  readonly groups: number;
  readonly payloadBytes: number;
  readonly seconds: number;
}

const groupSize = 10;
const settleMs = 1000;
const busyShareMax = 0.7;

export async function measureScale(load: ScaleLoad): Promise<Measurement> {
  const { backplane, groups, nodes, payloadBytes, rate, seconds } = load;
  const cluster = await startCluster({
    backplane,
    nodes,
    nginx: false,
    env: { TRUNKLINE_UPGRADES_PER_SECOND_MAX: '1000000' },
  });
  const ports = cluster.nodes.map(({ url }) => new URL(url).port);
  const connections = groups * groupSize;
  const { accessKey } = cluster;
  // Connection i goes to node i modulo their number, so each group is on all of them.
  const paths = Array.from({ length: connections + groups }, (_, i) =>
    clientPath({ port: Number(ports[i % nodes]), accessKey, userId: `user${String(i)}` }),
  );
  const pathsFile = writePaths(`scale-${String(ports[0])}`, paths);
  const brokerPid = cluster.broker?.process.pid;
  try {
    await delay(settleMs);
    const result = await runGenerator({
      port: ports,
      pathsFile,
      pid: [...cluster.nodes.map(({ pid }) => pid), brokerPid]
        .flatMap((pid) => pid ?? [])
        .map(String),
      protocol: 'json.webpubsub.azure.v1',
      init: ['{"type":"joinGroup","group":"g{d}","ackId":1}'],
      ready: '"success":true',
      fail: '"success":false',
      publisherReady: '"event":"connected"',
      message: publication('g{i}', true),
      grouped: true,
      groupSize,
      connections,
      publishers: groups,
      sampled: Math.min(200, connections),
      lazyMs: 20,
      rate,
      payload: payloadBytes,
      warmup: 2,
      duration: seconds,
      drain: 2,
      limit: 60 + seconds,
    });
    const cpu = result.cpuSecondsByPid;
    return {
      row: 'scale',
      target: `gateway-${backplane}`,
      params: { nodes, rate, groups, groupSize },
      values: known({
        nodesCpuSeconds: cpu.slice(0, nodes).reduce((sum, each) => sum + each, 0),
        brokerCpuSeconds: cpu[nodes] ?? 0,
        deliveries: result.framesInWindow,
        seconds: result.seconds,
        complete: result.delivered / result.expected,
        busyShare: result.busyShare,
      }),
      latency: toHistogram(result.samplesUs),
      invalid: result.busyShare > busyShareMax ? ['the generator was busy above 70 %'] : [],
    };
  } finally {
    rmSync(pathsFile, { force: true });
    await cluster.stop();
  }
}
