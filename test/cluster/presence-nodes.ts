/** Three nodes as the presence suite needs them: where a client can connect, and one to be killed. */
import assert from 'node:assert/strict';
import { startCluster, type ClusterOptions } from '../../bench/cluster/cluster.ts';
import { GatewayProcess } from '../support/gateway-process.ts';
import type { PresenceAccess } from '../support/presence-client.ts';

export interface PresenceNodes {
  /** The same more than once where nodes share an address. */
  readonly addresses: readonly PresenceAccess[];
  /** Kills a node as the system does; it may be any of those that share an address. */
  kill(nodeId: string): Promise<void>;
  stop(): Promise<void>;
}

export const nodesCount = 3;

/** Workers of one gateway, whose broker is their parent. */
export async function startWorkers(
  settings: Readonly<Record<string, string>>,
): Promise<PresenceNodes> {
  const gateway = await GatewayProcess.start({ WORKERS: nodesCount, ...settings });
  const { accessKey, run, url } = gateway;
  return {
    addresses: Array.from({ length: nodesCount }, () => ({ accessKey, url })),
    kill: async (nodeId) => {
      const lines = run.stderr.split('\n').filter((line) => line.includes('Worker listens'));
      const entries = lines.map((line): unknown => JSON.parse(line));
      // The log is ours.
      const those = entries as { readonly nodeId: string; readonly pid: number }[];
      const worker = those.find((each) => each.nodeId === nodeId);
      assert.ok(worker !== undefined, `there is no worker ${nodeId}`);
      process.kill(worker.pid, 'SIGKILL');
    },
    stop: () => run.kill(),
  };
}

/** Nodes of their own on a broker. */
export async function startNodes(
  backplane: ClusterOptions['backplane'],
  settings: Readonly<Record<string, string>>,
): Promise<PresenceNodes> {
  const env = Object.fromEntries(
    Object.entries(settings).map(([name, value]) => [`TRUNKLINE_${name}`, value]),
  );
  const cluster = await startCluster({ backplane, nodes: nodesCount, nginx: false, env });
  const { accessKey } = cluster;
  return {
    addresses: cluster.nodes.map(({ url }) => ({ accessKey, url })),
    kill: async (nodeId) => {
      const node = cluster.nodes.find((each) => each.nodeId === nodeId);
      assert.ok(node !== undefined, `there is no node ${nodeId}`);
      await node.kill();
    },
    stop: () => cluster.stop(),
  };
}
