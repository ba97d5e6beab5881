/** The published `@azure/web-pubsub-client` over its reliable subprotocol, in a few groups. */
import { WebPubSubClient, WebPubSubJsonReliableProtocol } from '@azure/web-pubsub-client';
import { clientUrl, signClientToken } from '../../gateway/tokens/sign.ts';
import { waitFor } from '../support/wait.ts';
import type { AzureBreak, AzureFollowed, AzureReceived } from './azure-checker.ts';
import { hub, type Door } from './resuming-client.ts';

const roles = ['webpubsub.joinLeaveGroup', 'webpubsub.sendToGroup'];
const startMsMax = 30_000;
/** It must notice a silent link while a fault lasts. */
const keepAliveIntervalMs = 1000;
const keepAliveTimeoutMs = 4000;
const retryMs = 200;
const retryMsMax = 1000;
/** As many tries as a restart of a node may take. */
const retriesMax = 100;

/** A client of the SDK that comes in by this door, not started. It sends nothing twice. */
export function azureClientOf(door: Door, userId: string): WebPubSubClient {
  const { accessKey, endpoint, urls } = door;
  const getClientAccessUrl = (): Promise<string> => {
    const token = signClientToken({ accessKey, endpoint, hub, userId, roles });
    return Promise.resolve(clientUrl(urls[0] ?? endpoint, hub, token));
  };
  return new WebPubSubClient(
    { getClientAccessUrl },
    {
      protocol: WebPubSubJsonReliableProtocol(),
      messageRetryOptions: { maxRetries: 0 },
      reconnectRetryOptions: {
        retryDelayInMs: retryMs,
        maxRetryDelayInMs: retryMsMax,
        maxRetries: retriesMax,
      },
      keepAliveIntervalInMs: keepAliveIntervalMs,
      keepAliveTimeoutInMs: keepAliveTimeoutMs,
    },
  );
}

/** Asks until it has stopped: the SDK ignores a `stop` that comes while it is connecting. */
export async function stopAzureClient(client: WebPubSubClient): Promise<void> {
  let isStopped = false;
  client.on('stopped', () => {
    isStopped = true;
  });
  const hasStopped = (): boolean => {
    if (!isStopped) client.stop();
    return isStopped;
  };
  await waitFor(hasStopped, { what: 'a client of the SDK is stopped', deadlineMs: startMsMax });
}

/** Writes down what its application sees. */
export class AzureFollower implements AzureFollowed {
  readonly name: string;
  readonly groups: readonly string[];
  readonly received: AzureReceived[] = [];
  readonly breaks: AzureBreak[] = [];
  failedRejoins = 0;
  readonly #ids = new Set<string>();
  readonly #client: WebPubSubClient;
  #isStopping = false;

  constructor(name: string, groups: readonly string[], door: Door) {
    this.name = name;
    this.groups = groups;
    this.#client = azureClientOf(door, name);
    this.#client.on('group-message', ({ message }) => {
      // The senders of the test write nothing else.
      const { id } = message.data as { readonly id: string };
      this.received.push({ id, at: Date.now() });
      this.#ids.add(id);
    });
    this.#client.on('disconnected', () => this.#broken());
    this.#client.on('connected', () => {
      const last = this.breaks.at(-1);
      if (last !== undefined) last.backAt ??= Date.now();
    });
    this.#client.on('rejoin-group-failed', () => {
      this.failedRejoins += 1;
    });
  }

  has(id: string): boolean {
    return this.#ids.has(id);
  }

  /** Resolves when it is a member of its groups. @throws Error when it is refused. */
  async start(): Promise<void> {
    await this.#client.start();
    await Promise.all(this.groups.map((group) => this.#client.joinGroup(group)));
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await stopAzureClient(this.#client);
  }

  #broken(): void {
    if (this.#isStopping) return;
    // The SDK tells nobody else why it gave a connection up.
    const { _lastCloseEvent: last } = this.#client as unknown as {
      readonly _lastCloseEvent?: { readonly code: number; readonly reason: string };
    };
    this.breaks.push({ at: Date.now(), code: last?.code ?? 0, reason: last?.reason ?? '' });
  }
}
