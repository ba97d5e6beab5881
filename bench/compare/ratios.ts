/** The ratios that the regression gate watches: what each is, and how it comes out of measurements. */
import { Cell, type Measurement } from '../report/data.ts';
import { ratio } from '../micro/statistics.ts';

export interface WatchedRatio {
  readonly name: string;
  /** Of the gateway over the other; smaller is better. */
  readonly what: string;
  readonly value: (measurements: readonly Measurement[]) => number | undefined;
}

function cpuPerDelivery(
  all: readonly Measurement[],
  target: string,
  rate: number,
): number | undefined {
  return new Cell(all, 'fanout', target, { rate }).quotient('serverCpuSeconds', 'deliveries');
}

function nodesPerMessage(all: readonly Measurement[], target: string): number | undefined {
  return new Cell(all, 'cross', target).quotient('nodesCpuSeconds', 'messages');
}

function perAccept(all: readonly Measurement[], target: string): number | undefined {
  return new Cell(all, 'accept', target).quotient('serverCpuSeconds', 'accepted');
}

export const fanoutRate = 50;

export const watchedRatios: readonly WatchedRatio[] = [
  {
    name: 'fan-out',
    what: `CPU time per delivery at ${String(fanoutRate)} messages/s, of uWebSockets.js topics`,
    value: (all) =>
      ratio(
        cpuPerDelivery(all, 'gateway', fanoutRate),
        cpuPerDelivery(all, 'topics-deferred', fanoutRate),
      ),
  },
  {
    name: 'accept',
    what: 'CPU time per accepted connection, of uWebSockets.js without a token',
    value: (all) => ratio(perAccept(all, 'gateway'), perAccept(all, 'topics')),
  },
  {
    name: 'idle',
    what: 'process memory per idle connection, of uWebSockets.js',
    value: (all) =>
      ratio(
        new Cell(all, 'idle', 'gateway').median('rssAfterGc'),
        new Cell(all, 'idle', 'topics').median('rssAfterGc'),
      ),
  },
  {
    name: 'cross-redis',
    what: 'CPU time of both nodes per message over Redis, of Socket.IO',
    value: (all) =>
      ratio(nodesPerMessage(all, 'gateway-redis'), nodesPerMessage(all, 'socket.io-redis')),
  },
];
