/**
 * The broker of several worker processes: it lives in their parent and joins them by the memory
 * broker, each at the other end of a port. A worker that reads too slowly loses envelopes and is
 * told so; it never costs more than a bounded amount of memory.
 */
import type { GapReason } from '../backplane.ts';
import { MemoryBroker } from './memory-backplane.ts';
import { PortStreamBroker } from './port-stream-broker.ts';
import type { ParentStreamPort } from './port-streams.ts';
import {
  EnvelopeColumns,
  forEachEnvelope,
  requestKinds,
  type ParentPort,
  type RequestBatch,
} from './port.ts';

export interface PortBrokerOptions {
  /** Bytes of envelopes that wait for one worker; beyond it all that wait are dropped. */
  readonly queueBytesMax?: number;
  /** Runs the callback once all input that is ready now has been handled. */
  readonly afterTurn?: (callback: () => void) => void;
}

/** About 200,000 small messages; as much again can be on its way. */
const defaultQueueBytesMax = 32 * 1024 * 1024;

export class PortBroker {
  readonly #broker = new MemoryBroker();
  /** The streams whose entries it delivers. */
  readonly streams = this.#broker.streams;
  readonly #streamBroker = new PortStreamBroker(this.streams);
  readonly #nodes = new Set<PortNode>();
  readonly #options: Required<PortBrokerOptions>;
  /** Times that the queue of a worker was dropped. */
  overflows = 0;

  constructor(options: PortBrokerOptions = {}) {
    this.#options = {
      queueBytesMax: options.queueBytesMax ?? defaultQueueBytesMax,
      afterTurn: options.afterTurn ?? ((callback) => void setImmediate(callback)),
    };
  }

  /** Serves a worker until its port closes. */
  attach(port: ParentPort): void {
    const node = new PortNode(port, {
      ...this.#options,
      broker: this.#broker,
      onOverflow: () => {
        this.overflows += 1;
      },
    });
    this.#nodes.add(node);
    port.onMessage((batch) => node.receive(batch));
    port.onClose(() => {
      this.#nodes.delete(node);
      node.detach();
    });
  }

  /** Lets a worker use the streams until its port closes. */
  attachStreams(port: ParentStreamPort): void {
    this.#streamBroker.attach(port);
  }

  /** Envelopes that wait for workers now, in bytes. */
  get queuedBytes(): number {
    let bytes = 0;
    for (const node of this.#nodes) bytes += node.queuedBytes;
    return bytes;
  }
}

interface PortNodeOptions extends Required<PortBrokerOptions> {
  readonly broker: MemoryBroker;
  readonly onOverflow: () => void;
}

/** One worker as the broker sees it. */
class PortNode {
  readonly #port: ParentPort;
  readonly #options: PortNodeOptions;
  readonly #attached = {
    keys: new Set<string>(),
    sink: {
      onEnvelope: (key: string, bytes: Uint8Array): void => this.#enqueue(key, bytes),
      onGap: (): void => undefined,
      onLink: (): void => undefined,
    },
  };
  readonly #queue = new EnvelopeColumns();
  #replies: number[] = [];
  #gap: GapReason | undefined;
  #isScheduled = false;
  #isWriting = false;

  constructor(port: ParentPort, options: PortNodeOptions) {
    this.#port = port;
    this.#options = options;
  }

  get queuedBytes(): number {
    return this.#queue.bytes;
  }

  receive(batch: RequestBatch): void {
    forEachEnvelope(batch, (key, bytes, index) => {
      this.#replies.push(this.#execute(batch.kinds[index], key, bytes));
    });
    this.#schedule();
  }

  detach(): void {
    this.#options.broker.detach(this.#attached);
    this.#queue.clear();
  }

  #execute(
    kind: RequestBatch['kinds'][number] | undefined,
    key: string,
    bytes: Uint8Array,
  ): number {
    const { broker } = this.#options;
    const { keys } = this.#attached;
    switch (kind) {
      case requestKinds.publish:
        return broker.publish(key, bytes);
      case requestKinds.subscribe:
        keys.add(key);
        return 0;
      case requestKinds.unsubscribe:
        keys.delete(key);
        return 0;
      case requestKinds.open:
        broker.attach(this.#attached);
        return 0;
      case requestKinds.close:
      case undefined:
        this.detach();
        return 0;
    }
  }

  #enqueue(key: string, bytes: Uint8Array): void {
    // What comes behind a hole waits until the worker can be told of the hole.
    if (this.#gap !== undefined) return;
    if (this.#queue.bytes > this.#options.queueBytesMax) {
      this.#queue.clear();
      this.#gap = 'overflow';
      this.#options.onOverflow();
    } else {
      // What has to wait longer than this turn must not hold on to the batch that it came in.
      this.#queue.add(key, this.#isWriting ? bytes.slice() : bytes);
    }
    this.#schedule();
  }

  /** One batch per turn, and none while the system has not taken the one before. */
  #schedule(): void {
    if (this.#isScheduled || this.#isWriting) return;
    this.#isScheduled = true;
    this.#options.afterTurn(() => {
      this.#isScheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    const replies = this.#replies;
    const gap = this.#gap;
    this.#replies = [];
    this.#gap = undefined;
    this.#isWriting = true;
    this.#port.post({ replies, gap, ...this.#queue.take() }, () => {
      this.#isWriting = false;
      const isIdle = this.#replies.length + this.#queue.count === 0 && this.#gap === undefined;
      if (!isIdle) this.#schedule();
    });
  }
}
