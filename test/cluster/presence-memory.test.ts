/** Presence over three workers of one gateway, joined by message ports. */
import { startWorkers } from './presence-nodes.ts';
import { presenceSuite } from './presence-suite.ts';

const skip = process.platform === 'linux' ? false : 'only Linux lets workers share a port';
presenceSuite({ name: 'memory over ports', skip, start: startWorkers });
