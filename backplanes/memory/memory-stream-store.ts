/**
 * The store of streams of one process, and the reference semantics of the contract. Everything is
 * gone when the process ends, and the next one begins with other epochs.
 */
import { BackplaneUnavailableError } from '../backplane.ts';
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
} from '../stream-store.ts';
import type { MemoryStreamBroker, MemoryStreamCounters } from './memory-stream-broker.ts';

/** Largest envelope; more than a frame or a body can be. */
export const memoryEntryBytesMax = 128 * 1024 * 1024;

/**
 * What stores on a memory broker can do.
 * @param publishesLive true: the node's backplane is of the same memory broker.
 */
export function memoryStreamTraits(
  publishesLive: boolean,
  crossesProcesses: boolean,
): StreamStoreTraits {
  return {
    publishesLive,
    crossesProcesses,
    entryBytesMax: memoryEntryBytesMax,
    sharesEpoch: false,
    boundsBytes: 'stream',
    dedupeMs: Infinity,
  };
}

export class MemoryStreamStore implements StreamStore {
  readonly traits: StreamStoreTraits;
  readonly #broker: MemoryStreamBroker;
  #isUp = false;

  /** @param publishesLive true: the node's backplane is of the broker that `broker` publishes on. */
  constructor(broker: MemoryStreamBroker, publishesLive = true) {
    this.#broker = broker;
    this.traits = memoryStreamTraits(publishesLive, false);
  }

  /** Those of the broker, which all stores of the process share. */
  get counters(): MemoryStreamCounters {
    return this.#broker.counters;
  }

  start(): Promise<void> {
    this.#isUp = true;
    this.#broker.attach();
    return Promise.resolve();
  }

  async append(stream: StreamRef, bytes: Uint8Array, id: string): Promise<Appended> {
    this.#refuseUnlessUp();
    refuseTooLarge(bytes);
    return this.#broker.append(stream, bytes, id);
  }

  async read(stream: StreamRef, request: ReadRequest): Promise<ReadResult> {
    this.#refuseUnlessUp();
    return this.#broker.open(stream).read(request);
  }

  async readBack(stream: StreamRef, request: HistoryRequest): Promise<HistoryPage> {
    this.#refuseUnlessUp();
    return this.#broker.open(stream).readBack(request);
  }

  async tops(streams: readonly StreamRef[]): Promise<readonly StreamTop[]> {
    this.#refuseUnlessUp();
    return streams.map((stream) => this.#broker.open(stream).top);
  }

  async purge(stream: StreamRef): Promise<void> {
    this.#refuseUnlessUp();
    this.#broker.purge(stream);
  }

  isUp(): boolean {
    return this.#isUp;
  }

  close(): Promise<void> {
    if (this.#isUp) this.#broker.detach();
    this.#isUp = false;
    return Promise.resolve();
  }

  #refuseUnlessUp(): void {
    if (this.#isUp) return;
    throw new BackplaneUnavailableError('The memory store of streams is not started, or is closed');
  }
}

/** @throws BackplaneUnavailableError when an envelope is larger than a memory broker keeps. */
export function refuseTooLarge({ length }: Uint8Array): void {
  if (length <= memoryEntryBytesMax) return;
  throw new BackplaneUnavailableError(
    `An envelope in a stream may have ${memoryEntryBytesMax} bytes, got ${length}: send less`,
  );
}
