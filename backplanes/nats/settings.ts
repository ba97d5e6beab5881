/** What can be set about the NATS backplane beside its URL, with defaults and bounds. */

export interface NatsSettings {
  /** How long a publish or a subscribe waits for the broker. */
  readonly publishTimeoutMs: number;
  /** How long `start` tries to reach any of the servers. */
  readonly startTimeoutMs: number;
  /** How long one server has for each step of a connection. */
  readonly connectTimeoutMs: number;
  /** Pause after a round over all servers that reached none; up to as much again is added. */
  readonly reconnectWaitMs: number;
  /** How long `close` waits for publishes on their way. */
  readonly drainTimeoutMs: number;
  /** Time between two songs of the canary. */
  readonly probeIntervalMs: number;
  /** Begins every subject; nodes with different prefixes do not hear each other. */
  readonly prefix: string;
  /** Publishes that may wait for the server's answer; further ones are refused at once. */
  readonly inflightMax: number;
  /** The same in bytes of envelopes. */
  readonly inflightBytesMax: number;
  /** A number in [0, 1): spreads reconnects and the choice of servers. */
  readonly random: () => number;
}

export const defaultNatsSettings: NatsSettings = {
  publishTimeoutMs: 2000,
  startTimeoutMs: 10_000,
  connectTimeoutMs: 2000,
  reconnectWaitMs: 250,
  drainTimeoutMs: 1000,
  probeIntervalMs: 1000,
  prefix: 'trunkline',
  inflightMax: 65_536,
  inflightBytesMax: 32 * 1024 * 1024,
  random: Math.random,
};

/** What a server takes unless its INFO says otherwise. */
export const defaultPayloadBytesMax = 1024 * 1024;
/** Servers that a cluster may tell of beyond those in the URL. */
export const learnedServersMax = 64;

/** What happened, for telemetry. All of them only grow. */
export type NatsCounters = {
  published: number;
  received: number;
  /** Publishes refused because the broker was away, or too much was on its way. */
  refused: number;
  /** Publishes without an answer: nobody knows. */
  unknown: number;
  /** Turns that were written and flushed. */
  flushes: number;
  /** Connections made, the first included. */
  connects: number;
  /** Connections lost. */
  disconnects: number;
  /** Times that a connection was found deaf. */
  canaryMisses: number;
  /** Times that the server cut us off for reading too slowly, as far as it said so. */
  slowConsumer: number;
  /** Operations that the account's permissions forbid. */
  denied: number;
  /** Errors thrown by the receiver of envelopes. */
  receiverErrors: number;
};

export function newNatsCounters(): NatsCounters {
  return {
    published: 0,
    received: 0,
    refused: 0,
    unknown: 0,
    flushes: 0,
    connects: 0,
    disconnects: 0,
    canaryMisses: 0,
    slowConsumer: 0,
    denied: 0,
    receiverErrors: 0,
  };
}
