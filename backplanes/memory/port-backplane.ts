/**
 * The backplane of a worker process without a broker: its parent process is the broker. One batch
 * per turn of the event loop and direction; order is kept, and what the parent had to drop is told
 * as a gap.
 */
import type { Accepted, Backplane, BackplaneSink, BackplaneTraits } from '../backplane.ts';
import { BackplaneUnavailableError } from '../backplane.ts';
import {
  defaultPortRequestSettings,
  PortRequests,
  type PortRequestSettings,
} from './port-requests.ts';
import {
  EnvelopeColumns,
  forEachEnvelope,
  requestKinds,
  type ReplyBatch,
  type RequestKind,
  type WorkerPort,
} from './port.ts';

export interface PortBackplaneOptions extends Partial<PortRequestSettings> {
  readonly port: WorkerPort;
  /** Runs the callback once all input that is ready now has been handled. */
  readonly afterTurn?: (callback: () => void) => void;
}

const nothing = new Uint8Array(0);

export class PortBackplane implements Backplane {
  readonly traits: BackplaneTraits = {
    interest: 'immediate',
    // More than a frame or a body can be.
    envelopeBytesMax: 128 * 1024 * 1024,
    countsReceivers: true,
    crossesProcesses: true,
  };
  readonly #port: WorkerPort;
  readonly #afterTurn: (callback: () => void) => void;
  readonly #queue = new EnvelopeColumns();
  /** Of the requests that are not sent yet. */
  #kinds: RequestKind[] = [];
  readonly #pending: PortRequests<number>;
  #state: 'new' | 'opening' | 'up' | 'lost' | 'closed' = 'new';
  #sink: BackplaneSink | undefined;

  constructor(options: PortBackplaneOptions) {
    const { afterTurn, port, ...settings } = options;
    this.#port = port;
    this.#afterTurn = afterTurn ?? ((callback) => void setImmediate(callback));
    this.#pending = new PortRequests({ ...defaultPortRequestSettings, ...settings });
  }

  async start(sink: BackplaneSink): Promise<void> {
    this.#sink = sink;
    this.#state = 'opening';
    this.#port.onMessage((batch) => this.#receive(batch));
    this.#port.onClose(() => this.#lose());
    try {
      await this.#send(requestKinds.open, '', nothing);
    } catch (error) {
      await this.close();
      throw error;
    }
    this.#state = 'up';
    sink.onLink('up', 'the parent process');
  }

  async subscribe(key: string): Promise<void> {
    this.#refuseUnlessUp();
    this.#refuseBeyond(0);
    await this.#send(requestKinds.subscribe, key, nothing);
  }

  async unsubscribe(key: string): Promise<void> {
    // Without the link there is no interest left to end.
    if (this.#state === 'up') await this.#send(requestKinds.unsubscribe, key, nothing);
  }

  async publish(key: string, bytes: Uint8Array): Promise<Accepted> {
    this.#refuseUnlessUp();
    this.#refuseBeyond(bytes.length);
    return { receivers: await this.#send(requestKinds.publish, key, bytes) };
  }

  isUp(): boolean {
    return this.#state === 'up';
  }

  close(): Promise<void> {
    if (this.#state === 'up' || this.#state === 'opening') {
      this.#enqueue(requestKinds.close, '', nothing);
      this.#flush();
    }
    this.#state = 'closed';
    this.#rejectAll('The backplane was closed');
    return Promise.resolve();
  }

  #send(kind: RequestKind, key: string, bytes: Uint8Array): Promise<number> {
    if (this.#kinds.length === 0) this.#afterTurn(() => this.#flush());
    this.#enqueue(kind, key, bytes);
    return this.#pending.add(bytes.length, kind === requestKinds.publish);
  }

  #enqueue(kind: RequestKind, key: string, bytes: Uint8Array): void {
    this.#kinds.push(kind);
    this.#queue.add(key, bytes);
  }

  #flush(): void {
    if (this.#kinds.length === 0 || this.#state === 'lost') return;
    const kinds = this.#kinds;
    this.#kinds = [];
    this.#port.post({ kinds, ...this.#queue.take() }, () => undefined);
  }

  #receive(batch: ReplyBatch): void {
    if (this.#state === 'closed') return;
    this.#pending.answer(batch.replies);
    if (batch.gap !== undefined) this.#sink?.onGap('all', batch.gap);
    forEachEnvelope(batch, (key, bytes) => this.#sink?.onEnvelope(key, bytes));
  }

  #lose(): void {
    if (this.#state === 'closed' || this.#state === 'lost') return;
    const wasUp = this.#state === 'up';
    this.#state = 'lost';
    this.#rejectAll('The parent process of this worker is gone');
    if (wasUp) this.#sink?.onLink('down', 'the parent process is gone');
  }

  #rejectAll(why: string): void {
    const unsentCount = this.#kinds.length;
    this.#kinds = [];
    this.#queue.clear();
    this.#pending.failAll(why, unsentCount);
  }

  #refuseUnlessUp(): void {
    if (this.#state === 'up') return;
    throw new BackplaneUnavailableError(
      this.#state === 'lost'
        ? 'The parent process of this worker is gone'
        : 'The backplane of this worker is not started, or is closed',
    );
  }

  #refuseBeyond(bytes: number): void {
    const { envelopeBytesMax } = this.traits;
    if (bytes > envelopeBytesMax) {
      throw new BackplaneUnavailableError(
        `An envelope may have ${envelopeBytesMax} bytes between workers, got ${bytes}`,
      );
    }
    this.#pending.refuseBeyondBounds();
  }
}
