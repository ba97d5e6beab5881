/** The cases of the suite of stream stores; each gets two nodes on one broker. */
import { appendCases } from './streams/append-cases.ts';
import { lifeCases } from './streams/life-cases.ts';
import { liveCases } from './streams/live-cases.ts';
import { positionCases } from './streams/position-cases.ts';
import { readCases } from './streams/read-cases.ts';
import { retentionCases } from './streams/retention-cases.ts';
import type { StreamStoreCase } from './streams/stream-node.ts';

export const streamStoreCases: readonly StreamStoreCase[] = [
  ...appendCases,
  ...readCases,
  ...positionCases,
  ...retentionCases,
  ...liveCases,
  ...lifeCases,
];
