/** What is asked of the service by its own library: tokens for clients, and who is connected. */
import { endpointOf, type AzurePlace } from './azure-url.ts';
import { nodesGroup } from './group.ts';
import { tokenMinutes } from './settings.ts';

export interface AzureService {
  /** Host and port, for messages. */
  readonly host: string;
  /** URL for one connection, with a token that was made now. */
  clientUrl(): Promise<string>;
  /** The nodes that are in the hub now, by the names they gave themselves. */
  nodes(signal: AbortSignal): Promise<readonly string[]>;
}

const roles = ['webpubsub.joinLeaveGroup', 'webpubsub.sendToGroup'];

export interface ServiceOptions {
  readonly connectionString: string | undefined;
  readonly place: AzurePlace;
  /** User id of this node's connections. */
  readonly nodeName: string;
}

/**
 * Loads the library and makes its client; nothing is sent yet.
 * @throws BackplaneUnavailableError when the connection string makes no sense.
 */
export async function openService(options: ServiceOptions): Promise<AzureService> {
  const { connectionString = '', nodeName, place } = options;
  const { host, protocol } = endpointOf(connectionString);
  const { WebPubSubServiceClient } = await import('@azure/web-pubsub');
  const client = new WebPubSubServiceClient(connectionString, place.hub, {
    // Whoever writes http:// means it: an emulator, or a gateway in a private network.
    allowInsecureConnection: protocol === 'http:',
    retryOptions: { maxRetries: 0 },
  });
  return {
    host,
    clientUrl: async () => {
      const { url } = await client.getClientAccessToken({
        userId: nodeName,
        roles,
        expirationTimeInMinutes: tokenMinutes,
      });
      return url;
    },
    nodes: async (abortSignal) => {
      const names: string[] = [];
      const members = await client.group(nodesGroup).listConnections({ abortSignal });
      for await (const { userId } of members) {
        if (userId !== undefined) names.push(userId);
      }
      return names;
    },
  };
}
