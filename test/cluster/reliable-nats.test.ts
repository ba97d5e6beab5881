/** Reliable clients of two and of three nodes on one NATS server. */
import { programsOf } from '../../bench/cluster/options.ts';
import { whyMissing } from '../support/programs.ts';
import { reliableSuite } from './reliable-suite.ts';

const skip = whyMissing(...programsOf({ backplane: 'nats', nginx: true }));
reliableSuite({ name: 'two nodes and NATS', backplane: 'nats', nodes: 2, skip });
reliableSuite({ name: 'three nodes and NATS', backplane: 'nats', nodes: 3, skip });
