/** The gateways of a storm: one on its own, or several with a broker. */
import { rmSync } from 'node:fs';
import { startCluster, type Cluster } from '../../cluster/cluster.ts';
import { clientPath, streamSettings, writePaths, writeSettings } from '../gateway-target.ts';

export const stormServerNames = [
  '1 node, memory',
  '1 node, redis',
  '3 nodes, redis',
  '3 nodes, nats',
] as const;
export type StormServerName = (typeof stormServerNames)[number];

export interface StormServers {
  readonly ports: readonly number[];
  readonly nodePids: readonly number[];
  /** undefined: there is no broker. */
  readonly brokerPid: number | undefined;
  /** A path for each connection, those of the publishers last. */
  readonly pathsFile: string;
  stop(): Promise<void>;
}

const shapes = {
  '1 node, memory': { backplane: 'memory', nodes: 1 },
  '1 node, redis': { backplane: 'redis', nodes: 1 },
  '3 nodes, redis': { backplane: 'redis', nodes: 3 },
  '3 nodes, nats': { backplane: 'nats', nodes: 3 },
} as const;

/** Fresh servers for one run; connection i goes to node i modulo their number. */
export async function startStormServers(
  name: StormServerName,
  clients: number,
): Promise<StormServers> {
  const settingsFile = writeSettings(`storm-${name}`, streamSettings);
  const cluster = await startCluster({
    ...shapes[name],
    nginx: false,
    env: {
      TRUNKLINE_CONFIG: settingsFile,
      // Who is refused would come back later, and the run would measure the clients' patience.
      TRUNKLINE_UPGRADES_PER_SECOND_MAX: '1000000',
    },
  });
  const ports = cluster.nodes.map(({ url }) => Number(new URL(url).port));
  const pathsFile = writePaths(String(ports[0]), pathsOf(cluster, ports, clients));
  return {
    ports,
    nodePids: cluster.nodes.map(({ pid }) => pid),
    brokerPid: cluster.broker?.process.pid,
    pathsFile,
    stop: async () => {
      rmSync(pathsFile, { force: true });
      rmSync(settingsFile, { force: true });
      await cluster.stop();
    },
  };
}

function pathsOf(
  { accessKey }: Cluster,
  ports: readonly number[],
  clients: number,
): readonly string[] {
  return Array.from({ length: clients }, (_, i) =>
    clientPath({ port: ports[i % ports.length] ?? 0, accessKey, userId: `user${String(i)}` }),
  );
}
