/** Reliable clients of two and of three nodes on one Redis server, and of three on a Redis cluster. */
import { programsOf } from '../../bench/cluster/options.ts';
import { whyMissing } from '../support/programs.ts';
import { startRedisCluster } from '../support/redis-groups.ts';
import { noRedis } from '../support/redis.ts';
import { reliableSuite } from './reliable-suite.ts';

const skip = noRedis || whyMissing(...programsOf({ backplane: 'redis', nginx: true }));
reliableSuite({ name: 'two nodes and Redis', backplane: 'redis', nodes: 2, skip });
reliableSuite({ name: 'three nodes and Redis', backplane: 'redis', nodes: 3, skip });
reliableSuite({
  name: 'three nodes and a Redis cluster',
  backplane: 'redis',
  nodes: 3,
  skip,
  startBroker: () => startRedisCluster(),
});
