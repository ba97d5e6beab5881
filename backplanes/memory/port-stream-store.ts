/**
 * The store of streams of a worker process without a broker: its parent process holds the streams.
 * One batch per turn of the event loop; order is kept.
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
import { memoryStreamTraits, refuseTooLarge } from './memory-stream-store.ts';
import {
  defaultPortRequestSettings,
  PortRequests,
  type PortRequestSettings,
} from './port-requests.ts';
import {
  BodyReader,
  BodyWriter,
  unpackReply,
  type StreamAnswerBatch,
  type StreamReply,
  type StreamRequest,
  type WorkerStreamPort,
} from './port-streams.ts';

export interface PortStreamStoreOptions extends Partial<PortRequestSettings> {
  readonly port: WorkerStreamPort;
  /** True: the worker's backplane is its parent, too. */
  readonly publishesLive: boolean;
  /** Runs the callback once all input that is ready now has been handled. */
  readonly afterTurn?: (callback: () => void) => void;
}

const nothing: Uint8Array = new Uint8Array(0);

export class PortStreamStore implements StreamStore {
  readonly traits: StreamStoreTraits;
  readonly #port: WorkerStreamPort;
  readonly #afterTurn: (callback: () => void) => void;
  readonly #pending: PortRequests<StreamReply>;
  /** Not sent yet. */
  #requests: StreamRequest[] = [];
  readonly #body = new BodyWriter();
  #state: 'new' | 'opening' | 'up' | 'lost' | 'closed' = 'new';

  constructor(options: PortStreamStoreOptions) {
    const { afterTurn, port, publishesLive, ...settings } = options;
    this.traits = memoryStreamTraits(publishesLive, true);
    this.#port = port;
    this.#afterTurn = afterTurn ?? ((callback) => void setImmediate(callback));
    this.#pending = new PortRequests({ ...defaultPortRequestSettings, ...settings });
  }

  async start(): Promise<void> {
    this.#state = 'opening';
    this.#port.onMessage((batch) => this.#receive(batch));
    this.#port.onClose(() => this.#lose());
    try {
      await this.#send({ kind: 'open' });
    } catch (error) {
      await this.close();
      throw error;
    }
    this.#state = 'up';
  }

  async append(stream: StreamRef, bytes: Uint8Array, id: string): Promise<Appended> {
    refuseTooLarge(bytes);
    const reply = await this.#ask({ kind: 'append', stream, id, size: bytes.length }, bytes);
    if (reply.kind !== 'appended') throw refused(reply);
    return reply.appended;
  }

  async read(stream: StreamRef, request: ReadRequest): Promise<ReadResult> {
    const reply = await this.#ask({ kind: 'read', stream, request });
    if (reply.kind !== 'read') throw refused(reply);
    return reply.result;
  }

  async readBack(stream: StreamRef, request: HistoryRequest): Promise<HistoryPage> {
    const reply = await this.#ask({ kind: 'readBack', stream, request });
    if (reply.kind !== 'page') throw refused(reply);
    return reply.page;
  }

  async tops(streams: readonly StreamRef[]): Promise<readonly StreamTop[]> {
    const reply = await this.#ask({ kind: 'tops', streams });
    if (reply.kind !== 'tops') throw refused(reply);
    return reply.tops;
  }

  async purge(stream: StreamRef): Promise<void> {
    const reply = await this.#ask({ kind: 'purge', stream });
    if (reply.kind !== 'done') throw refused(reply);
  }

  isUp(): boolean {
    return this.#state === 'up';
  }

  close(): Promise<void> {
    this.#end('closed', 'The store of streams was closed');
    return Promise.resolve();
  }

  #ask(request: StreamRequest, bytes = nothing): Promise<StreamReply> {
    if (this.#state !== 'up') {
      throw new BackplaneUnavailableError(
        this.#state === 'lost'
          ? 'The parent process of this worker is gone'
          : 'The store of streams of this worker is not started, or is closed',
      );
    }
    this.#pending.refuseBeyondBounds();
    return this.#send(request, bytes);
  }

  #send(request: StreamRequest, bytes = nothing): Promise<StreamReply> {
    if (this.#requests.length === 0) this.#afterTurn(() => this.#flush());
    this.#requests.push(request);
    this.#body.add(bytes);
    return this.#pending.add(bytes.length, request.kind === 'append');
  }

  #flush(): void {
    const requests = this.#requests;
    if (requests.length === 0) return;
    this.#requests = [];
    this.#port.post({ requests, body: this.#body.take() }, () => undefined);
  }

  #receive({ answers, body }: StreamAnswerBatch): void {
    if (this.#state === 'closed') return;
    const reader = new BodyReader(body);
    this.#pending.answer(answers.map((answer) => unpackReply(answer, reader)));
  }

  #lose(): void {
    if (this.#state !== 'closed') this.#end('lost', 'The parent process of this worker is gone');
  }

  #end(state: 'closed' | 'lost', why: string): void {
    this.#state = state;
    const unsentCount = this.#requests.length;
    this.#requests = [];
    this.#body.clear();
    this.#pending.failAll(why, unsentCount);
  }
}

/** The parent did not do it. */
function refused(reply: StreamReply): BackplaneUnavailableError {
  const why = reply.kind === 'failed' ? reply.message : `it answered "${reply.kind}"`;
  return new BackplaneUnavailableError(`The parent process of this worker cannot do that: ${why}`);
}
