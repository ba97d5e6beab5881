/** The Redis backplane against the suite of all backplanes, on every way to run Redis. */
import { randomUUID } from 'node:crypto';
import { after, before, describe } from 'node:test';
import { openBackplane } from '../../backplanes/index.ts';
import type { Backplane } from '../../backplanes/backplane.ts';
import {
  startRedisCluster,
  startRedisSentinels,
  type RedisCluster,
  type RedisSentinels,
} from '../support/redis-groups.ts';
import { noRedis, startRedis, type RedisServer } from '../support/redis.ts';
import { backplaneConformance, type BackplanePair } from './backplane-suite.ts';

async function open(url: string): Promise<Backplane> {
  const backplane = await openBackplane(url);
  if (backplane === undefined) throw new Error(`nothing serves ${url}`);
  return backplane;
}

/** Two nodes with a prefix of their own: tests on one broker do not meet. */
async function pairOn(url: string): Promise<BackplanePair> {
  const own = `${url}${url.includes('?') ? '&' : '?'}prefix=t${randomUUID().slice(0, 8)}`;
  const [a, b] = await Promise.all([open(own), open(own)]);
  return {
    a,
    b,
    close: async () => {
      await Promise.all([a.close(), b.close()]);
    },
  };
}

describe('redis: one server', { skip: noRedis }, () => {
  let server: RedisServer;
  before(async () => {
    server = await startRedis();
  });
  after(() => server.stop());
  backplaneConformance('redis', { open: () => pairOn(server.url) });
});

describe('redis: a cluster', { skip: noRedis }, () => {
  let cluster: RedisCluster;
  before(async () => {
    cluster = await startRedisCluster();
  });
  after(() => cluster.stop());
  backplaneConformance('redis+cluster', { open: () => pairOn(`${cluster.url}/?partitions=32`) });
});

describe('redis: a primary with sentinels', { skip: noRedis }, () => {
  let group: RedisSentinels;
  before(async () => {
    group = await startRedisSentinels();
  });
  after(() => group.stop());
  backplaneConformance('redis+sentinel', { open: () => pairOn(group.url) });
});

describe('redis: independent servers', { skip: noRedis }, () => {
  let servers: readonly RedisServer[];
  before(async () => {
    servers = [await startRedis(), await startRedis(), await startRedis()];
  });
  after(async () => {
    await Promise.all(servers.map((server) => server.stop()));
  });
  const url = (): string =>
    `redis+shards://${servers.map((one) => `127.0.0.1:${one.port}`).join()}`;
  backplaneConformance('redis+shards', { open: () => pairOn(url()) });
});
