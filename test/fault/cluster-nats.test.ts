/** Three nodes on one NATS server, under faults. */
import { installedNats, freePort, NatsServer } from '../support/nats.ts';
import { whyMissing } from '../support/programs.ts';
import { clusterFaultSuite } from './cluster-fault-suite.ts';

clusterFaultSuite({
  backplane: 'nats',
  skip: whyMissing('nats-server'),
  startBroker: async () => new NatsServer(installedNats().path ?? '', await freePort()).start(),
  urlOf: (port) => `nats://127.0.0.1:${port}`,
});
