/** Three nodes and one client, whose connection is at the first of them. */
import assert from 'node:assert/strict';
import { World, hub, type MovingClient, type WorldNode, type WorldOptions } from './world.ts';

export const calm: WorldOptions = { lossPercent: 0, delayMsMax: 0, subscribeMsMax: 0 };

export interface Stage {
  readonly world: World;
  readonly client: MovingClient;
  readonly first: WorldNode;
  readonly second: WorldNode;
  readonly third: WorldNode;
}

export async function stage(options: WorldOptions = calm): Promise<Stage> {
  const world = await World.start(1, options);
  const client = await world.client();
  const [home = ''] = client.connectionId.split('-');
  const first = world.nodes.find(({ node }) => node.nodeId === home);
  const [second, third] = world.nodes.filter((one) => one !== first);
  assert.ok(first !== undefined && second !== undefined && third !== undefined);
  return { world, client, first, second, third };
}

export async function moveTo({ client, world }: Stage, node: WorldNode): Promise<void> {
  client.cut(0);
  await world.pass(10);
  client.resume(node);
  assert.ok(await world.until(() => client.isServed || client.isRefused, 5000));
  await world.pass(100);
}

export async function sendTo(
  { client, world }: Stage,
  from: WorldNode,
  text: string,
): Promise<void> {
  const to = { kind: 'connection', name: client.connectionId } as const;
  const payload = { dataType: 'text', bytes: Buffer.from(text) } as const;
  await world.network.during(from.node.router.publish({ hub, to, payload }));
  await world.pass(50);
}
