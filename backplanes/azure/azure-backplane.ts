/** The backplane on Azure Web PubSub: contract and guarantees in README.md of this folder. */
import { randomUUID } from 'node:crypto';
import {
  BackplaneUnavailableError,
  type Accepted,
  type Backplane,
  type BackplaneSink,
  type BackplaneTraits,
} from '../backplane.ts';
import { endpointOf, parseAzureUrl, type AzurePlace } from './azure-url.ts';
import { unpackBatch } from './batch.ts';
import { groupOf } from './group.ts';
import { InterestTable } from './interest.ts';
import { Link } from './link.ts';
import { checkNeighbours, nodeNameOf } from './neighbours.ts';
import { openService, type AzureService } from './service.ts';
import {
  defaultAzureSettings,
  envelopeBytesMax,
  keyBytesMax,
  newAzureCounters,
  type AzureCounters,
  type AzureSettings,
} from './settings.ts';
import type { WireEnd } from './wire.ts';

export interface AzureBackplaneOptions extends Partial<AzureSettings> {
  /** `Endpoint=...;AccessKey=...`, as the portal shows it. */
  readonly connectionString: string | undefined;
}

export class AzureBackplane implements Backplane {
  readonly counters: AzureCounters = newAzureCounters();
  readonly traits: BackplaneTraits = {
    interest: 'immediate',
    envelopeBytesMax,
    countsReceivers: false,
    crossesProcesses: true,
  };
  readonly #place: AzurePlace;
  readonly #connectionString: string | undefined;
  readonly #host: string;
  readonly #settings: AzureSettings;
  readonly #interest: InterestTable;
  #link: Link | undefined;
  #sink: BackplaneSink | undefined;
  #isClosed = false;

  /** @throws BackplaneUnavailableError that says what is wrong in URL or connection string. */
  constructor(url: string, options: AzureBackplaneOptions) {
    const { connectionString, ...settings } = options;
    this.#place = parseAzureUrl(url);
    this.#host = endpointOf(connectionString).host;
    this.#connectionString = connectionString;
    this.#settings = { ...defaultAzureSettings, ...settings };
    this.#interest = new InterestTable({
      shards: this.#place.shards,
      timeoutMs: this.#settings.publishTimeoutMs,
      detail: () => this.#detail,
    });
  }

  async start(sink: BackplaneSink): Promise<void> {
    if (this.#isClosed) throw this.#unavailable();
    this.#sink = sink;
    const nodeName = nodeNameOf(this.#place, randomUUID());
    const service = await openService({
      connectionString: this.#connectionString,
      place: this.#place,
      nodeName,
    });
    const link = this.#newLink(service);
    this.#link = link;
    await link.start();
    try {
      await checkNeighbours(service, this.#place, this.#settings.connectTimeoutMs);
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  async subscribe(key: string): Promise<void> {
    if (this.#isClosed || this.#link === undefined) throw this.#unavailable();
    checkKey(key);
    await this.#interest.add(key);
  }

  async unsubscribe(key: string): Promise<void> {
    this.#interest.remove(key);
  }

  async publish(key: string, bytes: Uint8Array): Promise<Accepted> {
    const session = this.#link?.session;
    if (session === undefined) {
      this.counters.refused += 1;
      throw this.#unavailable();
    }
    checkKey(key);
    if (bytes.length > envelopeBytesMax) {
      this.counters.refused += 1;
      throw new BackplaneUnavailableError(
        `An envelope of ${bytes.length} bytes is over the ${envelopeBytesMax} that fit into a ` +
          `message of Azure Web PubSub; send less`,
      );
    }
    return session.publish(groupOf(key, this.#place.shards), key, bytes);
  }

  isUp(): boolean {
    return this.#link?.session !== undefined;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#interest.clear('the backplane is closed');
    await this.#link?.close();
  }

  #newLink(service: AzureService): Link {
    return new Link({
      service,
      settings: this.#settings,
      counters: this.counters,
      onData: (_group, bytes) => this.#deliver(bytes),
      restore: (wire) => this.#interest.restore(wire),
      onUp: (previous) => this.#onUp(service.host, previous),
      onDown: (detail) => this.#tell((sink) => sink.onLink('down', detail)),
    });
  }

  #onUp(host: string, previous: WireEnd | undefined): void {
    this.#tell((sink) => {
      sink.onLink('up', `Azure Web PubSub at ${host}, hub ${this.#place.hub}`);
      if (previous !== undefined) {
        sink.onGap('all', previous.isOverflow ? 'overflow' : 'reconnected');
      }
    });
  }

  #deliver(packed: Buffer): void {
    const envelopes = unpackBatch(packed);
    if (envelopes === undefined) {
      this.counters.strange += 1;
      return;
    }
    for (const { bytes, key } of envelopes) {
      if (this.#interest.has(key)) {
        this.counters.received += 1;
        this.#tell((sink) => sink.onEnvelope(key, bytes));
      } else {
        this.counters.unwanted += 1;
      }
    }
  }

  /** The sink must not throw; if it does, the connection must not end by it. */
  #tell(say: (sink: BackplaneSink) => void): void {
    if (this.#sink === undefined) return;
    try {
      say(this.#sink);
    } catch {
      this.counters.receiverErrors += 1;
    }
  }

  get #detail(): string {
    if (this.#isClosed) return 'it is closed';
    return this.#link?.detail ?? `the one at ${this.#host} is not started yet`;
  }

  #unavailable(): BackplaneUnavailableError {
    return new BackplaneUnavailableError(`The Azure backplane is not available: ${this.#detail}`);
  }
}

function checkKey(key: string): void {
  const bytes = Buffer.byteLength(key);
  if (bytes <= keyBytesMax) return;
  throw new BackplaneUnavailableError(
    `A key of ${bytes} bytes is over the ${keyBytesMax} that the Azure backplane takes`,
  );
}
