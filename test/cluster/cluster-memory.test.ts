/** Three workers of one gateway, joined by message ports, behind nginx. */
import { programsOf } from '../../bench/cluster/options.ts';
import { whyMissing } from '../support/programs.ts';
import { clusterSuite } from './cluster-suite.ts';

const skip =
  process.platform === 'linux'
    ? whyMissing(...programsOf({ backplane: 'memory', nginx: true }))
    : 'only Linux lets workers share a port';
clusterSuite({ name: 'memory over ports', backplane: 'memory', skip });
