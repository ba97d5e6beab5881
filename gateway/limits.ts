/**
 * Every bound of the gateway, with its unit in the name. Each is a setting (config.ts builds the
 * flags, variables and keys from this table); docs/CONFIGURATION.md is compared with it.
 */

interface LimitSpec {
  readonly default: number;
  readonly min: number;
  readonly max: number;
  /** One sentence for help texts and docs: what it bounds, what happens beyond it. */
  readonly meaning: string;
}

const KiB = 1024;
const MiB = 1024 * KiB;

export const limitTable = {
  frameBytesMax: {
    default: MiB,
    min: KiB,
    max: 64 * MiB,
    meaning:
      'Largest client frame in bytes; a larger one is answered with an error and closed with 1009',
  },
  bodyBytesMax: {
    default: MiB,
    min: KiB,
    max: 64 * MiB,
    meaning: 'Largest REST request body in bytes; a larger one is refused with 400',
  },
  jsonDepthMax: {
    default: 64,
    min: 4,
    max: 1000,
    meaning: 'Deepest nesting of arrays and objects in a JSON frame or body',
  },
  connectionsMax: {
    default: 1_000_000,
    min: 1,
    max: 10_000_000,
    meaning: 'Open client connections of this node; further upgrades get 503',
  },
  groupsPerConnectionMax: {
    default: 1000,
    min: 1,
    max: 1_000_000,
    meaning: 'Groups that one connection may be in; further joins are refused',
  },
  nameLengthMax: {
    default: 1024,
    min: 16,
    max: 1024,
    meaning: 'Longest group, user and connection name in characters',
  },
  metadataBytesMax: {
    default: 8 * KiB,
    min: 0,
    max: 64 * KiB,
    meaning: 'Largest total of metadata keys and values of one message in bytes',
  },
  pendingAcksMax: {
    default: 1000,
    min: 1,
    max: 100_000,
    meaning: 'Operations of one connection that wait for the backplane; further ones are refused',
  },
  ackHistoryMax: {
    default: 1000,
    min: 0,
    max: 100_000,
    meaning: 'Acknowledged ackIds that one connection is remembered by, to recognise duplicates',
  },
  streamsPerConnectionMax: {
    default: 16,
    min: 0,
    max: 1000,
    meaning: 'Open client-to-group streams of one connection',
  },
  sendBufferBytesMax: {
    default: 256 * KiB,
    min: 16 * KiB,
    max: 64 * MiB,
    meaning:
      'Bytes buffered for one connection beside one frame of the largest size; more cuts the socket',
  },
  congestedMsMax: {
    default: 15_000,
    min: 100,
    max: 600_000,
    meaning: 'How long a connection may read too slowly, in ms, before it is closed with 4008',
  },
  ringBytesPerDestinationMax: {
    default: 4 * MiB,
    min: 64 * KiB,
    max: 256 * MiB,
    meaning:
      'Bytes kept per destination while a member lags; a member beyond it meets its slow-consumer policy',
  },
  ringBytesPerNodeMax: {
    default: 64 * MiB,
    min: MiB,
    max: 16 * 1024 * MiB,
    meaning: 'Bytes kept for lagging members over all destinations of this node',
  },
  streamCacheBytesPerDestinationMax: {
    default: MiB,
    min: 16 * KiB,
    max: 256 * MiB,
    meaning: 'Bytes of recent publications kept per stream for clients that come back',
  },
  streamCacheBytesPerNodeMax: {
    default: 64 * MiB,
    min: MiB,
    max: 16 * 1024 * MiB,
    meaning: 'The same over all streams of this node',
  },
  streamCheckMs: {
    default: 2000,
    min: 100,
    max: 60_000,
    meaning: 'How often an idle stream is compared with its store, in ms',
  },
  reliableWindowMs: {
    default: 30_000,
    min: 100,
    max: 600_000,
    meaning: 'How long a reliable connection waits for its client to come back in ms, then it ends',
  },
  reliableQueueMessagesMax: {
    default: 10_000,
    min: 10,
    max: 1_000_000,
    meaning:
      'Messages that a reliable connection holds until they are acknowledged; more end it with 1008',
  },
  reliableQueueBytesMax: {
    default: 16 * MiB,
    min: 64 * KiB,
    max: 1024 * MiB,
    meaning:
      'Bytes that a reliable connection holds until they are acknowledged; more end it with 1008',
  },
  reliableBytesPerNodeMax: {
    default: 512 * MiB,
    min: MiB,
    max: 16 * 1024 * MiB,
    meaning:
      'Bytes held for all reliable connections of this node, each message once; over it those that hold the most end',
  },
  reliableDetachedMax: {
    default: 100_000,
    min: 0,
    max: 10_000_000,
    meaning:
      'Reliable connections that may wait for their clients at once; further ones end at once',
  },
  upgradesPerSecondMax: {
    default: 5000,
    min: 1,
    max: 1_000_000,
    meaning: 'WebSocket upgrades accepted per second; further ones get 503 with Retry-After',
  },
  fileDescriptorsReserved: {
    default: 64,
    min: 8,
    max: 10_000,
    meaning: 'File descriptors kept free; upgrades that would use them get 503',
  },
  // The Azure SDKs send the whole URL twice: as it is, and base64-encoded in the token's audience.
  headerBytesMax: {
    default: 32 * KiB,
    min: KiB,
    max: 64 * KiB,
    meaning: 'Largest request line and headers in bytes; larger requests are refused by the parser',
  },
  requestTimeoutMs: {
    default: 10_000,
    min: 100,
    max: 600_000,
    meaning: 'How long a REST request or an upgrade may take in ms, its body included',
  },
  idleTimeoutSeconds: {
    default: 32,
    min: 8,
    max: 960,
    meaning: 'Seconds without any sign of life (pings are sent) after which a connection is closed',
  },
  clientHeartbeatMs: {
    default: 10_000,
    min: 1000,
    max: 300_000,
    meaning:
      'How often clients of the subprotocols trunkline.* get a sign of life at least, in ms; they may take longer silence for a broken connection',
  },
  tokenGraceMs: {
    default: 25_000,
    min: 0,
    max: 600_000,
    meaning:
      'How long after its token expired a client of the subprotocols trunkline.* may still bring a new one, in ms, before it is closed with 4401',
  },
  publishTimeoutMs: {
    default: 2000,
    min: 50,
    max: 60_000,
    meaning: 'How long a publish waits for the broker in ms before it fails as unknown',
  },
  interestLingerMs: {
    default: 1000,
    min: 0,
    max: 60_000,
    meaning: 'How long interest in a destination outlives its last member in ms, against flapping',
  },
  heartbeatMs: {
    default: 1000,
    min: 50,
    max: 60_000,
    meaning: 'How often a node tells the others that it lives, in ms',
  },
  suspectAfterMs: {
    default: 3000,
    min: 100,
    max: 600_000,
    meaning: 'Silence of a node in ms after which it is suspect: perhaps only paused',
  },
  deadAfterMs: {
    default: 10_000,
    min: 200,
    max: 600_000,
    meaning: 'Silence of a node in ms after which it is dead and what it held is forgotten',
  },
  nodeAnswerTimeoutMs: {
    default: 1000,
    min: 50,
    max: 60_000,
    meaning: 'How long a question to other nodes waits in ms; then REST answers 503, naming them',
  },
  presenceMembersMax: {
    default: 1000,
    min: 0,
    max: 100_000,
    meaning:
      'Members of a group, or connections of a hub, of whom watchers are told who they are; of more only how many',
  },
  presenceStateBytesMax: {
    default: 512,
    min: 0,
    max: 64 * KiB,
    meaning: 'Bytes that a member may say of itself in one group; more is refused',
  },
  presenceWatchesPerConnectionMax: {
    default: 200,
    min: 0,
    max: 10_000,
    meaning: 'Groups whose presence one connection may watch; further watches are refused',
  },
  presenceGraceMs: {
    default: 2000,
    min: 0,
    max: 60_000,
    meaning:
      'How long a member with a user that lost its socket still counts as there in ms, so that a quick return is no leave and join',
  },
  presenceAwayAfterMs: {
    default: 4000,
    min: 100,
    max: 600_000,
    meaning:
      'Silence of a node in ms after which watchers are told that its members left; they come back with it',
  },
  historyLimitMax: {
    default: 1000,
    min: 1,
    max: 10_000,
    meaning: 'Messages that one request for history may ask for',
  },
  batchMessagesMax: {
    default: 1000,
    min: 1,
    max: 10_000,
    meaning: 'Messages in one request that sends many; a larger one is refused',
  },
  drainDelayMs: {
    default: 3000,
    min: 0,
    max: 600_000,
    meaning:
      'How long a node that goes away still takes clients, in ms: time for the balancer to notice',
  },
  drainSpreadMs: {
    default: 10_000,
    min: 0,
    max: 600_000,
    meaning: 'Time in ms over which the connections of a node that goes away leave it',
  },
  drainMs: {
    default: 25_000,
    min: 1000,
    max: 900_000,
    meaning:
      'Longest time in ms from the signal to the end; delay and spread are shortened to fit into it',
  },
  filterLengthMax: {
    default: 8 * KiB,
    min: 64,
    max: 64 * KiB,
    meaning: 'Longest filter expression in characters',
  },
  filterDepthMax: {
    default: 100,
    min: 4,
    max: 500,
    meaning: 'Deepest nesting of a filter expression',
  },
} as const satisfies Record<string, LimitSpec>;

export type LimitName = keyof typeof limitTable;
export type Limits = Readonly<Record<LimitName, number>>;

/** The defaults of every limit. */
export const defaultLimits: Limits = Object.fromEntries(
  Object.entries(limitTable).map(([name, spec]) => [name, spec.default]),
  // Object.fromEntries cannot know that all keys of the table are there.
) as Limits;
