/** What can be set about the Azure backplane beside its URL, with defaults and bounds. */

export interface AzureSettings {
  /** How long a publish or a subscribe waits for the service. */
  readonly publishTimeoutMs: number;
  /** How long `start` tries to reach the service. */
  readonly startTimeoutMs: number;
  /** How long each step of a connection may take: handshake, greeting, joining of all groups. */
  readonly connectTimeoutMs: number;
  /** Upper end of the first random pause before a reconnect; doubles with every failure. */
  readonly reconnectBaseMs: number;
  /** Upper end of every later pause. */
  readonly reconnectMaxMs: number;
  /** How long `close` waits for publishes on their way. */
  readonly drainTimeoutMs: number;
  /** Time between two pings, and how long any sign of life may take after one. */
  readonly pingIntervalMs: number;
  /** Half the time between two songs of the canary, and the unit in which echoes are missed. */
  readonly canaryTickMs: number;
  /** Shortest pause between two flushes while there is load. */
  readonly windowMinMs: number;
  /** The same when most messages that may be on their way are. */
  readonly windowMaxMs: number;
  /** Messages to the service that may wait for its ack; what comes meanwhile is packed together. */
  readonly messagesInflightMax: number;
  /** Publishes that may wait, packed or on their way; further ones are refused at once. */
  readonly inflightMax: number;
  /** The same in bytes of envelopes. */
  readonly inflightBytesMax: number;
  /** A number in [0, 1): spreads reconnects. */
  readonly random: () => number;
}

export const defaultAzureSettings: AzureSettings = {
  publishTimeoutMs: 2000,
  startTimeoutMs: 10_000,
  connectTimeoutMs: 5000,
  reconnectBaseMs: 250,
  reconnectMaxMs: 10_000,
  drainTimeoutMs: 1000,
  pingIntervalMs: 5000,
  canaryTickMs: 5000,
  windowMinMs: 1,
  windowMaxMs: 5,
  messagesInflightMax: 32,
  inflightMax: 65_536,
  inflightBytesMax: 32 * 1024 * 1024,
  random: Math.random,
};

/**
 * The service takes 1 MB, as JSON with base64 inside: 720,000 bytes become 960,000, which leaves
 * room whichever megabyte is meant.
 */
export const batchBytesMax = 720_000;
/** What one envelope may have of that; the rest is for its key. */
export const envelopeBytesMax = 700_000;
/** A key's UTF-8: a name of 1,024 characters, a hub, and some to spare. */
export const keyBytesMax = 8192;
/** A connection that lived so long was good: the next pause is the shortest again. */
export const stableAfterMs = 10_000;
/** A frame of the service; far above what nodes send each other. */
export const frameBytesMax = 4 * 1024 * 1024;
/** The token is used within seconds; the rest allows for clocks that differ. */
export const tokenMinutes = 10;

/** What happened, for telemetry. All of them only grow. */
export type AzureCounters = {
  /** Publishes that the service accepted. */
  published: number;
  /** Messages that carried them. */
  messages: number;
  /** Envelopes handed to the gateway. */
  received: number;
  /** Envelopes of a shard that this node has joined for another key. */
  unwanted: number;
  /** Messages in the hub that are none of ours, or of a version that we do not know. */
  strange: number;
  /** Publishes refused because the service was away, said no, or too much was on its way. */
  refused: number;
  /** Publishes without an answer: nobody knows. */
  unknown: number;
  /** Connections that came up, the first included. */
  connects: number;
  /** Connections lost. */
  disconnects: number;
  /** Times that a connection was found deaf. */
  canaryMisses: number;
  /** Errors thrown by the receiver of envelopes. */
  receiverErrors: number;
};

export function newAzureCounters(): AzureCounters {
  return {
    published: 0,
    messages: 0,
    received: 0,
    unwanted: 0,
    strange: 0,
    refused: 0,
    unknown: 0,
    connects: 0,
    disconnects: 0,
    canaryMisses: 0,
    receiverErrors: 0,
  };
}
