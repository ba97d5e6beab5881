/**
 * What things cost, as measured on one core of the machine that is named in the reports: the constants
 * of the capacity model, and the points that the model is held against. Change them together.
 */

/** Microseconds of CPU time unless the name says otherwise. */
export interface NodeCosts {
  /** A turn of the event loop that has something to do. */
  readonly turnUs: number;
  /** Turns per second beyond which messages share them. */
  readonly turnsPerSecondMax: number;
  /** A message from a client or by REST until the broker has it, without the turn. */
  readonly inboundUs: Readonly<Record<BrokerName, number>>;
  /** A message from the broker until its members are known, without the turn. */
  readonly arrivalUs: Readonly<Record<BrokerName, number>>;
  /** One write to one connection. */
  readonly writeUs: number;
  /** One message in such a write. */
  readonly deliveryUs: number;
  /** A busy connection is written to so often; what comes meanwhile shares the write. */
  readonly writesPerConnectionPerSecondMax: number;
  /** What retention adds to a publication. */
  readonly retainedUs: number;
  /** A connection that is let in, its token verified. */
  readonly acceptUs: number;
  readonly processBytesPerConnection: number;
  /** Socket, buffers and file of the kernel: the server's end. */
  readonly kernelBytesPerConnection: number;
  readonly baseBytes: number;
  /** What a delivery adds to the data: envelope, frame, headers of TCP and IP. */
  readonly deliveryOverheadBytes: number;
  readonly envelopeOverheadBytes: number;
}

export type BrokerName = 'memory' | 'redis' | 'nats' | 'azure';

export interface BrokerCosts {
  /** Of one server (Redis: its one thread). */
  readonly publishUs: number;
  /** For each node that gets the message. */
  readonly receiverUs: number;
  /** What an append to a stream adds. */
  readonly appendUs: number;
  /** Cores that one server can use. */
  readonly cores: number;
}

/** Sources: bench/results/summary-micro.md (M), summary-cross.md session 3 (C). */
export const nodeCosts: NodeCosts = {
  // C, equal load at 3,000 and 6,000/s against half load and the highest rate: a fit of all of them.
  turnUs: 50,
  turnsPerSecondMax: 6000,
  inboundUs: { memory: 8, redis: 8, nats: 4, azure: 10 },
  arrivalUs: { memory: 0, redis: 2.5, nats: 1, azure: 5 },
  // M, fan-out at 50/s: 142,843 deliveries per CPU-second, a write each.
  writeUs: 7,
  // M, the saturation point, less the writes.
  deliveryUs: 0.13,
  // M, fan-out at 5,000/s: 331,500 writes in two windows of 4 s to 1,000 connections.
  writesPerConnectionPerSecondMax: 40,
  // `npm run bench -- stream-brokers` at 1,000/s on Redis: 290 against 237.
  retainedUs: 50,
  // M, accepted connections: 15,264 per CPU-second.
  acceptUs: 66,
  // M, memory of an idle connection: before a collection, for garbage is there most of the time.
  processBytesPerConnection: 4900,
  // M, kernel slab of both ends, halved.
  kernelBytesPerConnection: 4900,
  baseBytes: 120 * 2 ** 20,
  // M, 203 bytes of frame for 100 of data; 4 bytes of frame header, 52 of TCP and IP with timestamps.
  deliveryOverheadBytes: 160,
  envelopeOverheadBytes: 150,
};

/**
 * Sources, of 2026-11-24 for Redis 7.0 and NATS 2.9 and rounded up: `npm run bench -- brokers`, and for
 * appends `npm run bench -- stream-brokers` at 1,000/s.
 */
export const brokerCosts: Readonly<Record<'redis' | 'nats', BrokerCosts>> = {
  redis: { publishUs: 1, receiverUs: 1.8, appendUs: 45, cores: 1 },
  nats: { publishUs: 1.5, receiverUs: 2.5, appendUs: 75, cores: 4 },
};

/**
 * A unit of Azure Web PubSub in its performance guide: 400 publishes/s and 4,000 deliveries/s of
 * 2 KB in small groups; nodes put several envelopes into one message.
 */
export const azureUnit = { publishesPerSecond: 400, deliveriesPerSecond: 4000, messageBytes: 2048 };

/** A run that was measured, as the model's question, and its answer in cores. */
export interface MeasuredPoint {
  readonly source: string;
  readonly backplane: BrokerName;
  readonly nodes: number;
  /** Messages per second to groups, all together, and members of each group. */
  readonly rate: number;
  readonly groupSize: number;
  readonly connections: number;
  /** CPU of all nodes together, in cores. */
  readonly cores: number;
}

/**
 * Points below saturation at which every delivery is a write of its own, and highest rates. Between
 * them a node uses what it is given: it writes sooner than it must, and the model would be too low.
 */
export const measuredPoints: readonly MeasuredPoint[] = [
  {
    source: 'M, fan-out',
    backplane: 'memory',
    nodes: 1,
    rate: 50,
    groupSize: 1000,
    connections: 1000,
    cores: 0.35,
  },
  {
    source: 'M, saturation',
    backplane: 'memory',
    nodes: 1,
    rate: 4362,
    groupSize: 1000,
    connections: 1000,
    cores: 1.01,
  },
  {
    source: 'C, equal load',
    backplane: 'redis',
    nodes: 2,
    rate: 3000,
    groupSize: 1,
    connections: 200,
    cores: 0.37,
  },
  {
    source: 'C, equal load',
    backplane: 'redis',
    nodes: 2,
    rate: 6000,
    groupSize: 1,
    connections: 200,
    cores: 0.63,
  },
  {
    source: 'C, half load',
    backplane: 'redis',
    nodes: 2,
    rate: 19_028,
    groupSize: 1,
    connections: 200,
    cores: 0.92,
  },
  {
    source: 'C, highest',
    backplane: 'redis',
    nodes: 2,
    rate: 38_055,
    groupSize: 1,
    connections: 200,
    cores: 1.0,
  },
  {
    source: 'C, equal load',
    backplane: 'nats',
    nodes: 2,
    rate: 3000,
    groupSize: 1,
    connections: 200,
    cores: 0.34,
  },
  {
    source: 'C, equal load',
    backplane: 'nats',
    nodes: 2,
    rate: 6000,
    groupSize: 1,
    connections: 200,
    cores: 0.61,
  },
  {
    source: 'C, half load',
    backplane: 'nats',
    nodes: 2,
    rate: 32_000,
    groupSize: 1,
    connections: 200,
    cores: 0.79,
  },
  {
    source: 'C, highest',
    backplane: 'nats',
    nodes: 2,
    rate: 64_000,
    groupSize: 1,
    connections: 200,
    cores: 0.94,
  },
];

/** How far the model may be from a measured point: what runs of one cell differ by, and the fit. */
export const toleranceShare = 0.25;
