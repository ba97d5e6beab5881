/** Three nodes on one Redis server, under faults. */
import { noRedis, startRedis } from '../support/redis.ts';
import { clusterFaultSuite } from './cluster-fault-suite.ts';

clusterFaultSuite({
  backplane: 'redis',
  skip: noRedis,
  startBroker: () => startRedis(),
  urlOf: (port) => `redis://127.0.0.1:${port}`,
});
