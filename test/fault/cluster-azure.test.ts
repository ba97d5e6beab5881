/** Three nodes whose backplane is a fourth gateway in the role of Azure Web PubSub, under faults. */
import { whyUnavailable } from '../../bench/cluster/options.ts';
import { clusterFaultSuite } from './cluster-fault-suite.ts';

clusterFaultSuite({
  backplane: 'azure',
  skip: whyUnavailable('azure') ?? false,
  // A ping every 5 s, because the service counts messages, and 5 s for a sign of life.
  noticeMsMax: 15_000,
});
