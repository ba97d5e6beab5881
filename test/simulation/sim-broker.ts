/**
 * A broker that carries and stores as the contracts say, and fails on demand: links are cut, live
 * copies are lost without a word, replies are lost, data comes back older or not at all.
 */
import {
  BackplaneUnavailableError,
  PublishOutcomeUnknownError,
  type Accepted,
  type Backplane,
  type BackplaneSink,
  type BackplaneTraits,
} from '../../backplanes/backplane.ts';
import { encodeStoredEnvelope } from '../../backplanes/stored-envelope.ts';
import type {
  Appended,
  HistoryPage,
  HistoryRequest,
  ReadRequest,
  ReadResult,
  StreamRef,
  StreamStore,
  StreamStoreTraits,
  StreamTop,
} from '../../backplanes/stream-store.ts';
import type { SeededRandom } from '../support/seeded-random.ts';
import type { Histories } from './history.ts';
import type { ProcessClock, Scheduler } from './scheduler.ts';

export interface SimBrokerOptions {
  readonly scheduler: Scheduler;
  readonly random: SeededRandom;
  readonly histories: Histories;
  readonly isShared: boolean;
}

const delayMsMax = 15;

export class SimBroker {
  readonly options: SimBrokerOptions;
  readonly links = new Set<SimLink>();
  /** Of 1,000 live copies so many are lost, and nobody is told. */
  lossPerMille = 0;
  /** Of 1,000 replies so many are lost. */
  lostRepliesPerMille = 0;
  isUp = true;

  constructor(options: SimBrokerOptions) {
    this.options = options;
  }

  publish(key: string, bytes: Uint8Array): number {
    let receivers = 0;
    for (const link of this.links) {
      if (!link.keys.has(key) || !link.isUp()) continue;
      receivers += 1;
      if (this.options.random.below(1000) >= this.lossPerMille) link.bring(key, bytes);
    }
    return receivers;
  }

  delayMs(): number {
    return this.options.random.below(delayMsMax);
  }

  /** The broker is away for a while, for everybody. */
  restart(downMs: number, meanwhile: () => void): void {
    this.isUp = false;
    meanwhile();
    for (const link of this.links) link.cut(downMs + this.delayMs());
    this.options.scheduler.after(downMs, () => {
      this.isUp = true;
    });
  }
}

/** What one node has to the broker: one connection that carries everything, in order. */
export class SimLink implements Backplane, StreamStore {
  readonly traits: BackplaneTraits & StreamStoreTraits;
  readonly keys = new Set<string>();
  #isUp = false;
  readonly #broker: SimBroker;
  readonly #clock: ProcessClock;
  #sink: BackplaneSink | undefined;
  /** Another one after each cut: what was under way is lost. */
  #generation = 0;
  #lastArrivalMs = 0;

  constructor(broker: SimBroker, clock: ProcessClock) {
    this.#broker = broker;
    this.#clock = clock;
    this.traits = {
      interest: 'immediate',
      envelopeBytesMax: 1_000_000,
      countsReceivers: false,
      crossesProcesses: true,
      publishesLive: true,
      entryBytesMax: 1_000_000,
      sharesEpoch: broker.options.isShared,
      boundsBytes: 'stream',
      dedupeMs: 300_000,
    };
  }

  /** Of the backplane and of the store, which are one. */
  async start(sink: unknown): Promise<void> {
    // Both contracts call it; the sink of the backplane is the one that is used.
    if (!isBackplaneSink(sink)) return;
    this.#sink = sink;
    this.#broker.links.add(this);
    this.#isUp = true;
    sink.onLink('up', 'simulated');
  }

  subscribe(key: string): Promise<void> {
    return this.#call(() => void this.keys.add(key), unavailable);
  }

  unsubscribe(key: string): Promise<void> {
    this.keys.delete(key);
    return Promise.resolve();
  }

  async publish(key: string, bytes: Uint8Array): Promise<Accepted> {
    await this.#call(() => this.#broker.publish(key, bytes), unknown);
    return { receivers: undefined };
  }

  async append({ key }: StreamRef, bytes: Uint8Array, id: string): Promise<Appended> {
    return this.#call(() => {
      const { entry, ...appended } = this.#broker.options.histories.append(key, bytes, id);
      if (!appended.isDuplicate) this.#broker.publish(key, encodeStoredEnvelope(entry));
      const { epoch, offset, tag } = entry;
      return { ...appended, position: { epoch, offset, tag } };
    }, unknown);
  }

  read({ key }: StreamRef, request: ReadRequest): Promise<ReadResult> {
    return this.#call(() => this.#broker.options.histories.read(key, request), unavailable);
  }

  readBack({ key }: StreamRef, request: HistoryRequest): Promise<HistoryPage> {
    return this.#call(() => this.#broker.options.histories.readBack(key, request), unavailable);
  }

  tops(streams: readonly StreamRef[]): Promise<readonly StreamTop[]> {
    const { histories } = this.#broker.options;
    return this.#call(() => streams.map(({ key }) => histories.top(key)), unavailable);
  }

  async purge({ key }: StreamRef): Promise<void> {
    await this.#call(() => this.#broker.options.histories.purge(key), unavailable);
  }

  isUp(): boolean {
    return this.#isUp;
  }

  close(): Promise<void> {
    this.#isUp = false;
    this.#broker.links.delete(this);
    return Promise.resolve();
  }

  /** A live copy is on its way; it does not overtake another. */
  bring(key: string, bytes: Uint8Array): void {
    const { scheduler } = this.#broker.options;
    const generation = this.#generation;
    const atMs = Math.max(this.#lastArrivalMs, scheduler.nowMs + this.#broker.delayMs());
    this.#lastArrivalMs = atMs;
    const copy = new Uint8Array(bytes);
    scheduler.after(atMs - scheduler.nowMs, () => {
      if (generation !== this.#generation) return;
      this.#clock.deliver(() => this.#sink?.onEnvelope(key, copy));
    });
  }

  /** Nothing gets through for a while; the node is told after it is over, not before it is. */
  cut(downMs: number): void {
    if (!this.#isUp) return;
    const { scheduler } = this.#broker.options;
    this.#isUp = false;
    this.#generation += 1;
    this.#clock.deliver(() => this.#sink?.onLink('down', 'cut'));
    scheduler.after(downMs, () => {
      if (!this.#broker.links.has(this)) return;
      this.#isUp = true;
      scheduler.after(this.#broker.delayMs(), () => {
        this.#clock.deliver(() => {
          this.#sink?.onLink('up', 'simulated');
          this.#sink?.onGap('all', 'reconnected');
        });
      });
    });
  }

  /** There, and back. */
  async #call<T>(execute: () => T, lost: () => Error): Promise<T> {
    const { scheduler } = this.#broker.options;
    if (!this.#isUp || !this.#broker.isUp) throw unavailable();
    const generation = this.#generation;
    await scheduler.wait(this.#broker.delayMs());
    if (generation !== this.#generation || !this.#broker.isUp) throw lost();
    const result = execute();
    const isLost = this.#broker.options.random.below(1000) < this.#broker.lostRepliesPerMille;
    await scheduler.wait(isLost ? 2000 : this.#broker.delayMs());
    if (isLost || generation !== this.#generation) throw lost();
    return new Promise((resolve) => {
      this.#clock.deliver(() => resolve(result));
    });
  }
}

function isBackplaneSink(sink: unknown): sink is BackplaneSink {
  return typeof sink === 'object' && sink !== null && 'onEnvelope' in sink;
}

function unavailable(): Error {
  return new BackplaneUnavailableError('the simulated broker is away');
}

function unknown(): Error {
  return new PublishOutcomeUnknownError('the simulated reply was lost');
}
