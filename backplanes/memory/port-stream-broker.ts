/**
 * Serves the streams of a memory broker to workers, each at the other end of a port. What it holds
 * for a worker that does not read is bounded: the next request is done when the answers before it
 * have been taken.
 */
import type { MemoryStreamBroker } from './memory-stream-broker.ts';
import {
  BodyReader,
  BodyWriter,
  packReply,
  type ParentStreamPort,
  type StreamAnswer,
  type StreamReply,
  type StreamRequest,
  type StreamRequestBatch,
} from './port-streams.ts';

export interface PortStreamBrokerOptions {
  /** Bytes of entries in one batch of answers, beyond which no further request is done for it. */
  readonly answerBytesMax?: number;
  /** Runs the callback once all input that is ready now has been handled. */
  readonly afterTurn?: (callback: () => void) => void;
}

const defaults = {
  answerBytesMax: 8 * 1024 * 1024,
  afterTurn: (callback: () => void): void => void setImmediate(callback),
};

export class PortStreamBroker {
  readonly #streams: MemoryStreamBroker;
  readonly #options: typeof defaults;

  constructor(streams: MemoryStreamBroker, options: PortStreamBrokerOptions = {}) {
    this.#streams = streams;
    this.#options = { ...defaults, ...options };
  }

  /** Serves a worker until its port closes. */
  attach(port: ParentStreamPort): void {
    const node = new PortStreamNode(port, this.#streams, this.#options);
    port.onMessage((batch) => node.receive(batch));
    port.onClose(() => node.detach());
  }
}

interface Queued {
  readonly request: StreamRequest;
  readonly bytes: Uint8Array;
}

/** One worker. How much it may ask for before it has answers is bounded on its side. */
class PortStreamNode {
  readonly #port: ParentStreamPort;
  readonly #streams: MemoryStreamBroker;
  readonly #options: typeof defaults;
  #queue: Queued[] = [];
  #isOpen = false;
  #isScheduled = false;
  #isWriting = false;

  constructor(port: ParentStreamPort, streams: MemoryStreamBroker, options: typeof defaults) {
    this.#port = port;
    this.#streams = streams;
    this.#options = options;
  }

  receive({ body, requests }: StreamRequestBatch): void {
    const reader = new BodyReader(body);
    for (const request of requests) {
      const bytes = reader.next(request.kind === 'append' ? request.size : 0);
      this.#queue.push({ request, bytes });
    }
    this.#schedule();
  }

  detach(): void {
    this.#queue = [];
    if (this.#isOpen) this.#streams.detach();
    this.#isOpen = false;
  }

  #schedule(): void {
    if (this.#isScheduled || this.#isWriting) return;
    this.#isScheduled = true;
    this.#options.afterTurn(() => {
      this.#isScheduled = false;
      this.#flush();
    });
  }

  /** One batch, and none while the system has not taken the one before. */
  #flush(): void {
    const body = new BodyWriter();
    const answers: StreamAnswer[] = [];
    for (const { bytes, request } of this.#queue) {
      if (body.bytes > this.#options.answerBytesMax) break;
      answers.push(packReply(this.#execute(request, bytes), body));
    }
    if (answers.length === 0) return;
    this.#queue.splice(0, answers.length);
    this.#isWriting = true;
    this.#port.post({ answers, body: body.take() }, () => {
      this.#isWriting = false;
      if (this.#queue.length > 0) this.#schedule();
    });
  }

  #execute(request: StreamRequest, bytes: Uint8Array): StreamReply {
    try {
      return this.#reply(request, bytes);
    } catch (error) {
      return { kind: 'failed', message: String(error) };
    }
  }

  #reply(request: StreamRequest, bytes: Uint8Array): StreamReply {
    const streams = this.#streams;
    switch (request.kind) {
      case 'open':
        if (!this.#isOpen) streams.attach();
        this.#isOpen = true;
        return { kind: 'done' };
      case 'append':
        return {
          kind: 'appended',
          appended: streams.append(request.stream, bytes, request.id),
        };
      case 'read':
        return { kind: 'read', result: streams.open(request.stream).read(request.request) };
      case 'readBack':
        return { kind: 'page', page: streams.open(request.stream).readBack(request.request) };
      case 'tops':
        return { kind: 'tops', tops: request.streams.map((stream) => streams.open(stream).top) };
      case 'purge':
        streams.purge(request.stream);
        return { kind: 'done' };
    }
  }
}
