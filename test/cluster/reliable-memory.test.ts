/** Reliable clients of three workers of one gateway, joined by message ports. */
import { programsOf } from '../../bench/cluster/options.ts';
import { whyMissing } from '../support/programs.ts';
import { reliableSuite } from './reliable-suite.ts';

const skip =
  process.platform === 'linux'
    ? whyMissing(...programsOf({ backplane: 'memory', nginx: true }))
    : 'only Linux lets workers share a port';
reliableSuite({ name: 'three workers', backplane: 'memory', nodes: 3, skip });
