/**
 * Which store of streams serves which URL scheme. As with backplanes, a driver that is not used is
 * never loaded.
 */
import type { Backplane } from './backplane.ts';
import type { RetentionClass, StreamStore } from './stream-store.ts';

/** What a store needs to know of the gateway beside its URL. */
export interface StreamStoreOptions {
  /** Every class that streams may have; what the broker needs for them can be made at the start. */
  readonly classes: readonly RetentionClass[];
  /** True: the node's backplane is of the same broker, so the store may publish what it stores. */
  readonly publishesLive: boolean;
  /** How long an append waits for the broker. */
  readonly publishTimeoutMs?: number;
  /** The node's backplane: in memory it is the broker of the streams, too. */
  readonly backplane?: Backplane | undefined;
  /** Given what the operator should change at the broker. */
  readonly onWarning?: (message: string) => void;
}

type Open = (url: string, options: StreamStoreOptions) => Promise<StreamStore>;

/** Streams of this process; of the workers of one parent where `gateway/workers` opens the store. */
const openMemory: Open = async (_url, { backplane, publishesLive }) => {
  const { MemoryBackplane, MemoryBroker } = await import('./memory/memory-backplane.ts');
  const { MemoryStreamStore } = await import('./memory/memory-stream-store.ts');
  const isBeside = backplane instanceof MemoryBackplane;
  const { streams } = isBeside ? backplane.broker : new MemoryBroker();
  return new MemoryStreamStore(streams, isBeside && publishesLive);
};

const openRedis: Open = async (url, { onWarning, publishTimeoutMs, publishesLive }) => {
  const { parseRedisUrl } = await import('./redis/redis-url.ts');
  const { RedisStreamStore } = await import('./redis/streams/redis-stream-store.ts');
  return new RedisStreamStore(parseRedisUrl(url), {
    publishesLive,
    ...(publishTimeoutMs === undefined ? {} : { publishTimeoutMs }),
    ...(onWarning === undefined ? {} : { onWarning }),
  });
};

const openNats: Open = async (url, { classes, publishTimeoutMs, publishesLive }) => {
  const { NatsStreamStore } = await import('./nats/streams/nats-stream-store.ts');
  const timeout = publishTimeoutMs === undefined ? {} : { publishTimeoutMs };
  return new NatsStreamStore(url, { classes, publishesLive, ...timeout });
};

const stores: ReadonlyMap<string, Open> = new Map<string, Open>([
  ['memory:', openMemory],
  ['redis:', openRedis],
  ['rediss:', openRedis],
  ['redis+cluster:', openRedis],
  ['redis+sentinel:', openRedis],
  ['redis+shards:', openRedis],
  ['nats:', openNats],
  ['nats+tls:', openNats],
  ['tls+nats:', openNats],
]);

/** URL schemes that `openStreamStore` accepts, each with its colon. */
export const streamStoreSchemes: readonly string[] = [...stores.keys()];

/**
 * The store for a URL, not started yet; undefined when no store serves its scheme: see
 * `noStreamStore`.
 * @throws BackplaneUnavailableError when the store cannot make sense of the rest of the URL.
 */
export async function openStreamStore(
  url: string,
  options: StreamStoreOptions,
): Promise<StreamStore | undefined> {
  return stores.get(schemeOf(url))?.(url, options);
}

/** Says of a URL that no store serves it, and what to do. Names nothing of it but its scheme. */
export function noStreamStore(url: string): string {
  const wanted = `TRUNKLINE_STREAMS must begin with ${streamStoreSchemes.join(' or ')}`;
  return schemeOf(url) === 'azure:'
    ? `Azure Web PubSub retains nothing, so streams need a store of their own: ${wanted}`
    : `${wanted}, got "${schemeOf(url)}"`;
}

function schemeOf(url: string): string {
  return url.slice(0, url.indexOf(':') + 1).toLowerCase();
}
