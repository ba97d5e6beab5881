/**
 * The backplane of one process, and the reference semantics of the contract: what is published in
 * one turn arrives in the same turn, in order, at every node that is attached to the same hub of
 * memory. Nothing is copied and nothing can be lost.
 */
import type { Accepted, Backplane, BackplaneSink, BackplaneTraits } from '../backplane.ts';
import { BackplaneUnavailableError } from '../backplane.ts';
import { MemoryStreamBroker } from './memory-stream-broker.ts';

interface Attached {
  readonly keys: Set<string>;
  readonly sink: BackplaneSink;
}

interface Pending {
  readonly key: string;
  readonly bytes: Uint8Array;
}

/** What several memory backplanes of one process have in common; it stands for the broker. */
export class MemoryBroker {
  /** The streams whose entries it delivers. */
  readonly streams = new MemoryStreamBroker((key, bytes) => void this.publish(key, bytes));
  readonly #nodes = new Set<Attached>();
  #pending: Pending[] = [];

  attach(node: Attached): void {
    this.#nodes.add(node);
  }

  detach(node: Attached): void {
    this.#nodes.delete(node);
  }

  /** Returns how many nodes will get it. */
  publish(key: string, bytes: Uint8Array): number {
    let receivers = 0;
    for (const node of this.#nodes) if (node.keys.has(key)) receivers += 1;
    if (receivers === 0) return 0;
    // After the current callback, so that no publisher is called back from within its own call.
    if (this.#pending.length === 0) queueMicrotask(() => this.#deliver());
    this.#pending.push({ key, bytes });
    return receivers;
  }

  #deliver(): void {
    const batch = this.#pending;
    this.#pending = [];
    for (const { key, bytes } of batch) {
      for (const node of this.#nodes) {
        if (node.keys.has(key)) node.sink.onEnvelope(key, bytes);
      }
    }
  }
}

export class MemoryBackplane implements Backplane {
  readonly traits: BackplaneTraits = {
    interest: 'immediate',
    envelopeBytesMax: 0xffff_ffff,
    countsReceivers: true,
    crossesProcesses: false,
  };
  readonly broker: MemoryBroker;
  #attached: Attached | undefined;

  /** @param broker shared by the nodes that are to reach each other; by default nobody else's. */
  constructor(broker: MemoryBroker = new MemoryBroker()) {
    this.broker = broker;
  }

  start(sink: BackplaneSink): Promise<void> {
    this.#attached = { keys: new Set(), sink };
    this.broker.attach(this.#attached);
    sink.onLink('up', 'memory of this process');
    return Promise.resolve();
  }

  subscribe(key: string): Promise<void> {
    if (this.#attached === undefined) return Promise.reject(closed());
    this.#attached.keys.add(key);
    return Promise.resolve();
  }

  unsubscribe(key: string): Promise<void> {
    this.#attached?.keys.delete(key);
    return Promise.resolve();
  }

  publish(key: string, bytes: Uint8Array): Promise<Accepted> {
    if (this.#attached === undefined) return Promise.reject(closed());
    return Promise.resolve({ receivers: this.broker.publish(key, bytes) });
  }

  isUp(): boolean {
    return this.#attached !== undefined;
  }

  close(): Promise<void> {
    if (this.#attached !== undefined) this.broker.detach(this.#attached);
    this.#attached = undefined;
    return Promise.resolve();
  }
}

function closed(): BackplaneUnavailableError {
  return new BackplaneUnavailableError('The memory backplane is not started, or is closed');
}
