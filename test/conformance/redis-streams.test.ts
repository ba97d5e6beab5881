/** The Redis stream store against the suite of all stores, on every way to run Redis. */
import { randomUUID } from 'node:crypto';
import { after, before, describe } from 'node:test';
import { RedisBackplane } from '../../backplanes/redis/redis-backplane.ts';
import { parseRedisUrl } from '../../backplanes/redis/redis-url.ts';
import { RedisStreamStore } from '../../backplanes/redis/streams/redis-stream-store.ts';
import {
  startRedisCluster,
  startRedisSentinels,
  type RedisCluster,
  type RedisSentinels,
} from '../support/redis-groups.ts';
import { noRedis, startRedis, type RedisServer } from '../support/redis.ts';
import {
  streamStoreConformance,
  type StorePlace,
  type StreamStorePair,
} from './stream-store-suite.ts';

/** Two nodes with a prefix of their own: tests on one broker do not meet. */
function pairOn(url: string, publishesLive = true): Promise<StreamStorePair> {
  const query = `${url.includes('?') ? '&' : '?'}prefix=t${randomUUID().slice(0, 8)}`;
  const place = (): StorePlace => ({
    store: new RedisStreamStore(parseRedisUrl(url + query), { publishesLive }),
    backplane: new RedisBackplane(parseRedisUrl(url + query)),
  });
  const [a, b] = [place(), place()];
  const close = async (): Promise<void> => {
    await Promise.all([a, b].flatMap(({ store, backplane }) => [store.close(), backplane.close()]));
  };
  return Promise.resolve({ a, b, close });
}

describe('redis streams: one server', { skip: noRedis }, () => {
  let server: RedisServer;
  before(async () => {
    server = await startRedis();
  });
  after(() => server.stop());
  streamStoreConformance('redis', { open: () => pairOn(server.url) });
  streamStoreConformance('redis beside another backplane', {
    open: () => pairOn(server.url, false),
  });
});

describe('redis streams: a cluster', { skip: noRedis }, () => {
  let cluster: RedisCluster;
  before(async () => {
    cluster = await startRedisCluster();
  });
  after(() => cluster.stop());
  streamStoreConformance('redis+cluster', { open: () => pairOn(`${cluster.url}/?partitions=32`) });
});

describe('redis streams: a primary with sentinels', { skip: noRedis }, () => {
  let group: RedisSentinels;
  before(async () => {
    group = await startRedisSentinels();
  });
  after(() => group.stop());
  streamStoreConformance('redis+sentinel', { open: () => pairOn(group.url) });
});

describe('redis streams: independent servers', { skip: noRedis }, () => {
  let servers: readonly RedisServer[];
  before(async () => {
    servers = [await startRedis(), await startRedis(), await startRedis()];
  });
  after(async () => {
    await Promise.all(servers.map((server) => server.stop()));
  });
  const url = (): string =>
    `redis+shards://${servers.map((one) => `127.0.0.1:${one.port}`).join()}`;
  streamStoreConformance('redis+shards', { open: () => pairOn(url()) });
});
