/** Presence over three nodes on one Redis server. */
import { programsOf } from '../../bench/cluster/options.ts';
import { whyMissing } from '../support/programs.ts';
import { noRedis } from '../support/redis.ts';
import { startNodes } from './presence-nodes.ts';
import { presenceSuite } from './presence-suite.ts';

const skip = noRedis || whyMissing(...programsOf({ backplane: 'redis', nginx: false }));
presenceSuite({
  name: 'one Redis server',
  skip,
  start: (settings) => startNodes('redis', settings),
});
