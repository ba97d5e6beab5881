/** Three nodes on one NATS server behind nginx. */
import { programsOf } from '../../bench/cluster/options.ts';
import { whyMissing } from '../support/programs.ts';
import { clusterSuite } from './cluster-suite.ts';

const skip = whyMissing(...programsOf({ backplane: 'nats', nginx: true }));
clusterSuite({ name: 'one NATS server', backplane: 'nats', skip });
