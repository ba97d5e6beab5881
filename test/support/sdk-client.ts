/** The published `@azure/web-pubsub-client`, connected and with everything it reports written down. */
import type { TestContext } from 'node:test';
import type { GenerateClientTokenOptions, WebPubSubServiceClient } from '@azure/web-pubsub';
import {
  WebPubSubClient,
  WebPubSubJsonProtocol,
  type GroupDataMessage,
  type OnConnectedArgs,
  type OnDisconnectedArgs,
  type OnRejoinGroupFailedArgs,
  type ServerDataMessage,
  type WebPubSubClientOptions,
} from '@azure/web-pubsub-client';
import { Inbox } from './inbox.ts';
import { waitFor } from './wait.ts';

export const allRoles = ['webpubsub.joinLeaveGroup', 'webpubsub.sendToGroup'];

export interface SdkClientOptions extends WebPubSubClientOptions {
  /** What the token says; without roles it has all of them. */
  readonly token?: Pick<GenerateClientTokenOptions, 'userId' | 'roles' | 'groups'>;
}

export interface SdkClient {
  readonly client: WebPubSubClient;
  /** Of the first connection. */
  readonly connectionId: string;
  readonly groupMessages: Inbox<GroupDataMessage>;
  readonly serverMessages: Inbox<ServerDataMessage>;
  /** From the second connection on. */
  readonly reconnects: Inbox<OnConnectedArgs>;
  readonly disconnects: Inbox<OnDisconnectedArgs>;
  readonly stops: Inbox<true>;
  readonly failedRejoins: Inbox<OnRejoinGroupFailedArgs>;
}

/** The SDK's client, not started: JSON protocol, no retry of messages, no keep-alive timers. */
export function createSdkClient(
  service: WebPubSubServiceClient,
  options: SdkClientOptions = {},
): WebPubSubClient {
  const { token, ...others } = options;
  const getClientAccessUrl = async (): Promise<string> => {
    const { url } = await service.getClientAccessToken({ roles: allRoles, ...token });
    return url;
  };
  return new WebPubSubClient(
    { getClientAccessUrl },
    {
      protocol: WebPubSubJsonProtocol(),
      // Errors show at once, and no timer outlives the test.
      messageRetryOptions: { maxRetries: 0 },
      reconnectRetryOptions: { retryDelayInMs: 10 },
      keepAliveIntervalInMs: 0,
      keepAliveTimeoutInMs: 0,
      ...others,
    },
  );
}

/** Connected when it resolves; stopped when the test is over. */
export async function startSdkClient(
  t: TestContext,
  service: WebPubSubServiceClient,
  options: SdkClientOptions = {},
): Promise<SdkClient> {
  const client = createSdkClient(service, options);
  const connects = new Inbox<OnConnectedArgs>('connected events');
  const inboxes = {
    groupMessages: new Inbox<GroupDataMessage>('group messages'),
    serverMessages: new Inbox<ServerDataMessage>('server messages'),
    disconnects: new Inbox<OnDisconnectedArgs>('disconnected events'),
    stops: new Inbox<true>('stopped events'),
    failedRejoins: new Inbox<OnRejoinGroupFailedArgs>('rejoin-group-failed events'),
  };
  let isStopped = false;
  client.on('connected', (event) => {
    isStopped = false;
    connects.push(event);
  });
  client.on('group-message', ({ message }) => inboxes.groupMessages.push(message));
  client.on('server-message', ({ message }) => inboxes.serverMessages.push(message));
  client.on('disconnected', (event) => inboxes.disconnects.push(event));
  client.on('stopped', () => {
    isStopped = true;
    inboxes.stops.push(true);
  });
  client.on('rejoin-group-failed', (event) => inboxes.failedRejoins.push(event));
  await client.start();
  t.after(() => stopForGood(client, () => isStopped));
  const { connectionId } = await connects.next();
  return { client, connectionId, reconnects: connects, ...inboxes };
}

/** Asks until it has stopped: the SDK ignores a `stop` that comes while it is connecting. */
async function stopForGood(client: WebPubSubClient, isStopped: () => boolean): Promise<void> {
  const hasStopped = () => {
    if (!isStopped()) client.stop();
    return isStopped();
  };
  await waitFor(hasStopped, { what: 'the client is stopped' });
}
