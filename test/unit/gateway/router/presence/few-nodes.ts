/** A few nodes that have heard of each other, with members and watchers of one group. */
import assert from 'node:assert/strict';
import type { Limits } from '../../../../../gateway/limits.ts';
import { PresenceWorld, type NodeClient, type PresenceNode } from './presence-world.ts';

export const group = 'g';

export async function startNodes(
  count: number,
  limits: Partial<Limits> = {},
): Promise<{
  world: PresenceWorld;
  nodes: readonly [PresenceNode, PresenceNode, ...PresenceNode[]];
}> {
  const world = new PresenceWorld({ limits });
  for (let index = 0; index < count; index += 1) await world.addNode();
  // Until each has heard of all.
  await world.pass(1500);
  const [first, second, ...more] = world.nodes;
  assert.ok(first !== undefined && second !== undefined);
  return { world, nodes: [first, second, ...more] };
}

/** Messages about presence between nodes. */
export function sent(world: PresenceWorld): number {
  return world.nodes.reduce((sum, { presence }) => sum + presence.counters.sent, 0);
}

export function join(node: PresenceNode, id: string, userId: string | undefined = id): NodeClient {
  const client = node.connect(id, userId);
  client.join(group);
  return client;
}

/** Begins a watch and lets pass what it takes. */
export async function watch(world: PresenceWorld, node: PresenceNode, id = 'watcher') {
  const client = node.connect(id, undefined);
  const begun = client.watch(group);
  await world.pass(100);
  return { client, view: await begun };
}
