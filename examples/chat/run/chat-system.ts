/** The whole example on this machine: broker, gateways, nginx, and the backend with its page. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startCluster, type Cluster, type ClusterOptions } from '../../../bench/cluster/cluster.ts';
import type { ChatSchema } from '../shared/schema.ts';
import { startBackend, type Backend } from '../server/backend.ts';
import { createServer } from '../server/sdk.ts';
import { ServerGateway } from '../server/server-gateway.ts';
import { sayFirstMessages } from './first-messages.ts';
import { pageAssets } from './page-assets.ts';

export interface ChatSystemOptions extends Pick<
  ClusterOptions,
  'backplane' | 'nodes' | 'env' | 'onDeath'
> {
  /** Of the database; without one it is in memory. */
  readonly file?: string | undefined;
  /** Of the page; 0, the default, takes any free one. */
  readonly port?: number;
  /** The backend failed; nobody else hears of it. */
  readonly onFailure: (error: unknown) => void;
}

export interface ChatSystem {
  /** Of the page. */
  readonly url: string;
  readonly cluster: Cluster;
  /** Ends everything. Idempotent. */
  stop(): Promise<void>;
}

const hub = 'chat';
/** This file runs as dist/examples/chat/run/chat-system.js. */
const exampleFolder = fileURLToPath(new URL('../../../../examples/chat/', import.meta.url));

/** Resolves when it can be used. @throws Error with a sentence; nothing is left running then. */
export async function startChatSystem(options: ChatSystemOptions): Promise<ChatSystem> {
  const { env, file, onFailure, port = 0, ...clusterOptions } = options;
  const assets = await pageAssets(join(exampleFolder, 'page'));
  const cluster = await startCluster({
    ...clusterOptions,
    env: { ...env, TRUNKLINE_CONFIG: join(exampleFolder, 'gateway.json') },
  });
  let backend: Backend | undefined;
  const stop = async (): Promise<void> => {
    await backend?.close();
    await cluster.stop();
  };
  try {
    const server = createServer<ChatSchema>({ hub, connectionString: cluster.connectionString });
    const gateway = new ServerGateway(server);
    const { clientUrl } = server;
    backend = await startBackend({ gateway, clientUrl, assets, file, port, onFailure });
    await sayFirstMessages({ gateway, clientUrl, marks: backend.marks });
    return { url: backend.url, cluster, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
