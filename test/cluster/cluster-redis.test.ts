/** Three nodes on one Redis server, and on a Redis cluster, behind nginx. */
import { programsOf } from '../../bench/cluster/options.ts';
import { whyMissing } from '../support/programs.ts';
import { startRedisCluster } from '../support/redis-groups.ts';
import { noRedis } from '../support/redis.ts';
import { clusterSuite } from './cluster-suite.ts';

const skip = noRedis || whyMissing(...programsOf({ backplane: 'redis', nginx: true }));
clusterSuite({ name: 'one Redis server', backplane: 'redis', skip });
clusterSuite({
  name: 'a Redis cluster',
  backplane: 'redis',
  skip,
  startBroker: () => startRedisCluster(),
});
