/** Three nodes on one durable Redis server, broken in every way that takes seconds. */
import { lossSuite } from './loss-suite.ts';

lossSuite('loss', 'redis', [
  'kill-node',
  'crash-broker',
  'cut-broker',
  'cut-clients',
  'redis-kill-pubsub',
  'redis-kill-normal',
  'rolling-restart',
]);

lossSuite('data', 'redis', ['older-files', 'flush-all-among-cuts', 'lagging-failover-among-cuts']);
