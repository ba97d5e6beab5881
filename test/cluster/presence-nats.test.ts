/** Presence over three nodes on one NATS server. */
import { programsOf } from '../../bench/cluster/options.ts';
import { whyMissing } from '../support/programs.ts';
import { startNodes } from './presence-nodes.ts';
import { presenceSuite } from './presence-suite.ts';

const skip = whyMissing(...programsOf({ backplane: 'nats', nginx: false }));
presenceSuite({ name: 'one NATS server', skip, start: (settings) => startNodes('nats', settings) });
