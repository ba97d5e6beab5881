/** Three nodes on one NATS server with JetStream, broken in every way that takes seconds. */
import { lossSuite } from './loss-suite.ts';

lossSuite('loss', 'nats', [
  'kill-node',
  'crash-broker',
  'cut-broker',
  'cut-clients',
  'rolling-restart',
]);
