/**
 * Which adapter serves which URL scheme. Adapters are imported when they are asked for: a driver
 * that is not used is never loaded.
 */
import type { Backplane } from './backplane.ts';

/** Settings of the gateway that adapters share; each has a default of its own. */
export interface BackplaneOptions {
  /** How long a publish waits for the broker. */
  readonly publishTimeoutMs?: number;
  /** For `azure:`: endpoint and access key, which have no place in a URL. */
  readonly azureConnectionString?: string | undefined;
}

type Open = (url: string, options: BackplaneOptions) => Promise<Backplane>;

const openRedis: Open = async (url, options) => {
  const { parseRedisUrl } = await import('./redis/redis-url.ts');
  const { RedisBackplane } = await import('./redis/redis-backplane.ts');
  return new RedisBackplane(parseRedisUrl(url), options);
};

const openNats: Open = async (url, options) => {
  const { NatsBackplane } = await import('./nats/nats-backplane.ts');
  return new NatsBackplane(url, options);
};

const openAzure: Open = async (url, { azureConnectionString, ...options }) => {
  const { AzureBackplane } = await import('./azure/azure-backplane.ts');
  return new AzureBackplane(url, { ...options, connectionString: azureConnectionString });
};

const adapters: ReadonlyMap<string, Open> = new Map<string, Open>([
  [
    'memory:',
    async () => {
      const { MemoryBackplane } = await import('./memory/memory-backplane.ts');
      return new MemoryBackplane();
    },
  ],
  ['redis:', openRedis],
  ['rediss:', openRedis],
  ['redis+cluster:', openRedis],
  ['redis+sentinel:', openRedis],
  ['redis+shards:', openRedis],
  ['nats:', openNats],
  ['nats+tls:', openNats],
  ['tls+nats:', openNats],
  ['azure:', openAzure],
]);

/** URL schemes that `openBackplane` accepts, each with its colon. */
export const backplaneSchemes: readonly string[] = [...adapters.keys()];

/**
 * The adapter for a URL, not started yet; undefined when no adapter serves its scheme.
 * @throws BackplaneUnavailableError when the adapter cannot make sense of the rest of the URL.
 */
export async function openBackplane(
  url: string,
  options: BackplaneOptions = {},
): Promise<Backplane | undefined> {
  const scheme = url.slice(0, url.indexOf(':') + 1).toLowerCase();
  return adapters.get(scheme)?.(url, options);
}
