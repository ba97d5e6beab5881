/** Three nodes behind nginx whose backplane is a fourth gateway in the role of Azure Web PubSub. */
import { programsOf, whyUnavailable } from '../../bench/cluster/options.ts';
import { whyMissing } from '../support/programs.ts';
import { clusterSuite } from './cluster-suite.ts';

const skip =
  whyUnavailable('azure') ?? whyMissing(...programsOf({ backplane: 'azure', nginx: true }));
clusterSuite({ name: 'Azure Web PubSub', backplane: 'azure', skip });
