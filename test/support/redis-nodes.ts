/** Nodes of the Redis backplane for fault tests, closed with the test that opened them. */
import type { TestContext } from 'node:test';
import { RedisBackplane } from '../../backplanes/redis/redis-backplane.ts';
import { parseRedisUrl } from '../../backplanes/redis/redis-url.ts';
import type { RedisSettings } from '../../backplanes/redis/settings.ts';
import { BackplaneNode } from './backplane-node.ts';

export type RedisNode = BackplaneNode<RedisBackplane>;

/** Not started. */
export function redisNode(
  context: TestContext,
  url: string,
  settings: Partial<RedisSettings> = {},
): RedisNode {
  const node = new BackplaneNode(new RedisBackplane(parseRedisUrl(url), settings));
  context.after(() => node.backplane.close());
  return node;
}

/** Two started nodes. */
export async function redisPair(
  context: TestContext,
  url: string,
  settings: Partial<RedisSettings> = {},
): Promise<readonly [RedisNode, RedisNode]> {
  const a = redisNode(context, url, settings);
  const b = redisNode(context, url, settings);
  await Promise.all([a.start(), b.start()]);
  return [a, b];
}
