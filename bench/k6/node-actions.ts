/** What the runner does to the nodes of a cluster while k6 loads it. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Cluster } from '../cluster/cluster.ts';
import type { NodeAction } from './catalog.ts';

const pauseMs = 1000;

/** Resolves when it is over and every node serves again. */
export async function act(action: NodeAction, cluster: Cluster): Promise<void> {
  if (action === 'rolling-restart') {
    for (const node of cluster.nodes) {
      await node.restart();
      await delay(pauseMs);
    }
    return;
  }
  const node = cluster.nodes.at(-1);
  await node?.kill('SIGKILL');
  await delay(pauseMs);
  await node?.start();
}
