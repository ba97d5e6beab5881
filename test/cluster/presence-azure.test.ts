/** Presence over three nodes whose backplane is a fourth gateway in the role of Azure Web PubSub. */
import { programsOf, whyUnavailable } from '../../bench/cluster/options.ts';
import { whyMissing } from '../support/programs.ts';
import { startNodes } from './presence-nodes.ts';
import { presenceSuite } from './presence-suite.ts';

const skip =
  whyUnavailable('azure') ?? whyMissing(...programsOf({ backplane: 'azure', nginx: false }));
presenceSuite({
  name: 'Azure Web PubSub',
  skip,
  start: (settings) => startNodes('azure', settings),
});
