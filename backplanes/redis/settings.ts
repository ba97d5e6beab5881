/** What can be set about the Redis backplane beside its URL, with defaults and bounds. */

export interface RedisSettings {
  /** How long a publish or a subscribe waits for the broker. */
  readonly publishTimeoutMs: number;
  /** How long `start` waits for the first connection, and every later attempt for its own. */
  readonly connectTimeoutMs: number;
  /** Begins every channel name; nodes with different prefixes do not hear each other. */
  readonly prefix: string;
  /** Partitions of a cluster; the same on every node. */
  readonly partitions: number;
  /** Publishes that may wait for a reply per server; further ones are refused at once. */
  readonly inflightMax: number;
  /** The same in bytes of envelopes. */
  readonly inflightBytesMax: number;
  /** Time between two probes of every connection and partition. */
  readonly probeIntervalMs: number;
  /** A number in [0, 1): spreads reconnects. */
  readonly random: () => number;
}

export const defaultRedisSettings: RedisSettings = {
  publishTimeoutMs: 2000,
  connectTimeoutMs: 3000,
  prefix: 'trunkline',
  partitions: 256,
  inflightMax: 65_536,
  inflightBytesMax: 64 * 1024 * 1024,
  probeIntervalMs: 500,
  random: Math.random,
};

/** Channels named in one SUBSCRIBE: long commands would hold up the server's other clients. */
export const channelsPerCommandMax = 512;
/** Probes without an answer after which a connection or a subscription counts as dead. */
export const silentProbesMax = 3;
export const missedCanariesMax = 2;
/**
 * Redis takes 512 MB but cuts subscribers whose unread output passes 8 MB for a minute or 32 MB at
 * once (its default): one envelope must stay far from that.
 */
export const envelopeBytesMax = 8 * 1024 * 1024;

/** What happened, for telemetry. All of them only grow. */
export type RedisCounters = {
  published: number;
  received: number;
  /** Publishes refused because the broker was away, full or said no. */
  refused: number;
  /** Publishes without an answer in time. */
  unknown: number;
  /** Connections lost, of either kind. */
  reconnects: number;
  /** Times that interest was announced anew after a loss. */
  resubscribes: number;
  /** Times that a subscription was found deaf. */
  canaryMisses: number;
};

export function newRedisCounters(): RedisCounters {
  return {
    published: 0,
    received: 0,
    refused: 0,
    unknown: 0,
    reconnects: 0,
    resubscribes: 0,
    canaryMisses: 0,
  };
}
