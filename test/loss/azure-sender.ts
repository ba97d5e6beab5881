/** Senders to groups that are no streams: one message after another, each tried once. */
import type { WebPubSubClient } from '@azure/web-pubsub-client';
import { setTimeout as sleep } from 'node:timers/promises';
import { signServerToken } from '../../gateway/tokens/sign.ts';
import type { SeededRandom } from '../support/seeded-random.ts';
import { withDeadline } from '../support/wait.ts';
import type { AzurePublication } from './azure-checker.ts';
import { azureClientOf, stopAzureClient } from './azure-follower.ts';
import { hub, type Door } from './resuming-client.ts';

export interface AzureSenderOptions {
  readonly name: string;
  readonly groups: readonly string[];
  readonly periodMs: number;
  readonly random: SeededRandom;
  /** Everything that was sent, of all senders. */
  readonly publications: AzurePublication[];
  readonly way: AzureWay;
}

/** How a sender reaches the gateway. */
export interface AzureWay {
  start(): Promise<void>;
  /** Resolves when it is acknowledged. @throws Error when nobody knows what became of it. */
  send(group: string, id: string): Promise<void>;
  stop(): Promise<void>;
}

const answerMsMax = 15_000;
const text = 'x'.repeat(60);

/** By REST, always at this node. */
export function restWay(url: string, accessKey: string): AzureWay {
  return {
    start: () => Promise.resolve(),
    stop: () => Promise.resolve(),
    send: async (group, id) => {
      const target = `${url}/api/hubs/${hub}/groups/${group}/:send?api-version=2024-12-01`;
      const response = await fetch(target, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${signServerToken({ accessKey, url: target })}`,
          'content-type': 'application/json',
        },
        body: JSON.stringify({ id, text }),
        signal: AbortSignal.timeout(answerMsMax),
      });
      const body = await response.text();
      if (response.status !== 202) throw new Error(`${response.status} ${body}`);
    },
  };
}

/** By a client of the SDK, over whatever node it is connected to. */
export function clientWay(door: Door, name: string): AzureWay {
  const client: WebPubSubClient = azureClientOf(door, name);
  return {
    start: () => client.start(),
    stop: () => stopAzureClient(client),
    send: async (group, id) => {
      const sent = client.sendToGroup(group, { id, text }, 'json');
      await withDeadline(sent, { what: 'the SDK has sent a message', deadlineMs: answerMsMax });
    },
  };
}

export class AzureSender {
  readonly #options: AzureSenderOptions;
  #count = 0;
  #isStopped = false;
  #loop: Promise<void> | undefined;

  constructor(options: AzureSenderOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    await this.#options.way.start();
    this.#loop = this.#run();
  }

  /** Resolves when the last message is acknowledged or given up. */
  async finish(): Promise<void> {
    this.#isStopped = true;
    await this.#loop;
  }

  /** Idempotent only for ways that are. */
  async stop(): Promise<void> {
    await this.finish();
    await this.#options.way.stop();
  }

  /** Sends one message; what becomes of it stands in what is returned. Never rejects. */
  async send(group: string): Promise<AzurePublication> {
    const { name, publications, way } = this.#options;
    const number = this.#count;
    this.#count += 1;
    const id = `${name}-${number}`;
    const publication: AzurePublication = { id, sender: name, number, group, sentAt: Date.now() };
    publications.push(publication);
    try {
      await way.send(group, id);
      publication.ackedAt = Date.now();
    } catch (error) {
      publication.trouble = String(error);
    }
    return publication;
  }

  async #run(): Promise<void> {
    const { groups, periodMs, random } = this.#options;
    let dueAt = Date.now();
    while (!this.#isStopped) {
      await this.send(random.pick(groups));
      dueAt = Math.max(dueAt + periodMs, Date.now() - periodMs);
      await sleep(Math.max(1, dueAt - Date.now()));
    }
  }
}
