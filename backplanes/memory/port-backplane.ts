/**
 * The backplane of a worker process without a broker: its parent process is the broker. One batch
 * per turn of the event loop and direction; order is kept, and what the parent had to drop is told
 * as a gap.
 */
import type { Accepted, Backplane, BackplaneSink, BackplaneTraits } from '../backplane.ts';
import { BackplaneUnavailableError, PublishOutcomeUnknownError } from '../backplane.ts';
import {
  EnvelopeColumns,
  forEachEnvelope,
  requestKinds,
  type ReplyBatch,
  type RequestKind,
  type WorkerPort,
} from './port.ts';

export interface PortBackplaneOptions {
  readonly port: WorkerPort;
  /** How long the parent has to answer, in ms. */
  readonly answerTimeoutMs?: number;
  /** Publishes and subscribes without an answer; further ones are refused. */
  readonly requestsMax?: number;
  /** Bytes of the publishes among them. */
  readonly requestBytesMax?: number;
  /** Runs the callback once all input that is ready now has been handled. */
  readonly afterTurn?: (callback: () => void) => void;
}

interface Request {
  readonly kind: RequestKind;
  readonly bytes: number;
  readonly sentAtMs: number;
  readonly resolve: (receivers: number) => void;
  readonly reject: (error: Error) => void;
}

const defaults = {
  answerTimeoutMs: 2000,
  requestsMax: 100_000,
  requestBytesMax: 64 * 1024 * 1024,
  afterTurn: (callback: () => void): void => void setImmediate(callback),
};
const nothing = new Uint8Array(0);

export class PortBackplane implements Backplane {
  readonly traits: BackplaneTraits = {
    interest: 'immediate',
    // More than a frame or a body can be.
    envelopeBytesMax: 128 * 1024 * 1024,
    countsReceivers: true,
    crossesProcesses: true,
  };
  readonly #options: PortBackplaneOptions & typeof defaults;
  readonly #queue = new EnvelopeColumns();
  #kinds: RequestKind[] = [];
  /** In the order in which the replies come; the last `#kinds.length` are not sent yet. */
  #requests: Request[] = [];
  #requestBytes = 0;
  /** How many of the oldest have failed by the clock already. */
  #lateCount = 0;
  /** One error for all that are refused until the parent answers: overload must stay cheap. */
  #refusal: BackplaneUnavailableError | undefined;
  #state: 'new' | 'opening' | 'up' | 'lost' | 'closed' = 'new';
  #sink: BackplaneSink | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: PortBackplaneOptions) {
    this.#options = { ...defaults, ...options };
  }

  async start(sink: BackplaneSink): Promise<void> {
    const { port } = this.#options;
    this.#sink = sink;
    this.#state = 'opening';
    port.onMessage((batch) => this.#receive(batch));
    port.onClose(() => this.#lose());
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
    return new Promise((resolve, reject) => {
      const sentAtMs = performance.now();
      this.#requests.push({ kind, bytes: bytes.length, sentAtMs, resolve, reject });
      this.#requestBytes += bytes.length;
      if (this.#kinds.length === 0) this.#options.afterTurn(() => this.#flush());
      this.#enqueue(kind, key, bytes);
      this.#watch();
    });
  }

  #enqueue(kind: RequestKind, key: string, bytes: Uint8Array): void {
    this.#kinds.push(kind);
    this.#queue.add(key, bytes);
  }

  #flush(): void {
    if (this.#kinds.length === 0 || this.#state === 'lost') return;
    const kinds = this.#kinds;
    this.#kinds = [];
    this.#options.port.post({ kinds, ...this.#queue.take() }, () => undefined);
  }

  #receive(batch: ReplyBatch): void {
    if (this.#state === 'closed') return;
    this.#refusal = undefined;
    this.#lateCount = Math.max(0, this.#lateCount - batch.replies.length);
    for (const [index, request] of this.#requests.splice(0, batch.replies.length).entries()) {
      this.#requestBytes -= request.bytes;
      request.resolve(batch.replies[index] ?? 0);
    }
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

  /** Fails the publishes that the parent left without an answer; replies still find their places. */
  #watch(): void {
    if (this.#timer !== undefined) return;
    const { answerTimeoutMs } = this.#options;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#failLate(performance.now() - answerTimeoutMs);
      if (this.#requests.length > 0) this.#watch();
    }, answerTimeoutMs / 4);
  }

  #failLate(beforeMs: number): void {
    const errors = unanswered(`within ${this.#options.answerTimeoutMs} ms`);
    for (;;) {
      const request = this.#requests[this.#lateCount];
      if (request === undefined || request.sentAtMs > beforeMs) break;
      this.#lateCount += 1;
      request.reject(errors(request.kind));
    }
  }

  #rejectAll(why: string): void {
    clearTimeout(this.#timer);
    const requests = this.#requests;
    const sentCount = requests.length - this.#kinds.length;
    this.#requests = [];
    this.#requestBytes = 0;
    this.#lateCount = 0;
    this.#kinds = [];
    this.#queue.clear();
    const errors = unanswered(`any more: ${why}`);
    const unsent = new BackplaneUnavailableError(why);
    for (const [index, { kind, reject }] of requests.entries()) {
      reject(index < sentCount ? errors(kind) : unsent);
    }
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
    const { requestBytesMax, requestsMax } = this.#options;
    const { envelopeBytesMax } = this.traits;
    if (bytes > envelopeBytesMax) {
      throw new BackplaneUnavailableError(
        `An envelope may have ${envelopeBytesMax} bytes between workers, got ${bytes}`,
      );
    }
    if (this.#requests.length < requestsMax && this.#requestBytes < requestBytesMax) return;
    this.#refusal ??= new BackplaneUnavailableError(
      `${this.#requests.length} requests wait for the parent process of this worker; try again`,
    );
    throw this.#refusal;
  }
}

/** The errors of requests that were sent: one for all publishes, one for all others. */
function unanswered(why: string): (kind: RequestKind) => Error {
  const message = `The parent process of this worker did not answer ${why}`;
  const unknown = new PublishOutcomeUnknownError(message);
  const unavailable = new BackplaneUnavailableError(message);
  return (kind) => (kind === requestKinds.publish ? unknown : unavailable);
}
