/**
 * What a worker and its parent say to each other about streams. Bytes lie in one piece of memory, so
 * that a batch costs the same few copies whatever it carries.
 */
import { decodeStoredEnvelope, encodeStoredEnvelope } from '../stored-envelope.ts';
import type {
  Appended,
  HistoryPage,
  HistoryRequest,
  ReadRequest,
  ReadResult,
  StreamEntry,
  StreamRef,
  StreamTop,
} from '../stream-store.ts';
import type { Port } from './port.ts';

/** What a worker asks for; each request gets one answer, in the order of the requests. */
export type StreamRequest =
  | { readonly kind: 'open' }
  /** Its envelope is the next `size` bytes of the body. */
  | {
      readonly kind: 'append';
      readonly stream: StreamRef;
      readonly id: string;
      readonly size: number;
    }
  | { readonly kind: 'read'; readonly stream: StreamRef; readonly request: ReadRequest }
  | { readonly kind: 'readBack'; readonly stream: StreamRef; readonly request: HistoryRequest }
  | { readonly kind: 'tops'; readonly streams: readonly StreamRef[] }
  | { readonly kind: 'purge'; readonly stream: StreamRef };

export type StreamReply =
  | { readonly kind: 'done' }
  | { readonly kind: 'appended'; readonly appended: Appended }
  | { readonly kind: 'read'; readonly result: ReadResult }
  | { readonly kind: 'page'; readonly page: HistoryPage }
  | { readonly kind: 'tops'; readonly tops: readonly StreamTop[] }
  /** It was not done. */
  | { readonly kind: 'failed'; readonly message: string };

/** A reply without its entries: they are stored envelopes, the next bytes of the body. */
export interface StreamAnswer {
  readonly reply: StreamReply;
  readonly sizes: readonly number[];
}

/** From worker to parent. */
export interface StreamRequestBatch {
  readonly requests: readonly StreamRequest[];
  readonly body: Uint8Array;
}

/** From parent to worker: answers to the oldest requests without one. */
export interface StreamAnswerBatch {
  readonly answers: readonly StreamAnswer[];
  readonly body: Uint8Array;
}

export type WorkerStreamPort = Port<StreamRequestBatch, StreamAnswerBatch>;
export type ParentStreamPort = Port<StreamAnswerBatch, StreamRequestBatch>;

/** Collects pieces until they are sent as one body; keeps the bytes, which nobody may change. */
export class BodyWriter {
  #parts: Uint8Array[] = [];
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  add(part: Uint8Array): void {
    this.#parts.push(part);
    this.#bytes += part.length;
  }

  /** All pieces, one behind the other, in memory of its own; it is empty afterwards. */
  take(): Uint8Array {
    const body = new Uint8Array(this.#bytes);
    let offset = 0;
    for (const part of this.#parts) {
      body.set(part, offset);
      offset += part.length;
    }
    this.clear();
    return body;
  }

  clear(): void {
    this.#parts = [];
    this.#bytes = 0;
  }
}

/** Takes the pieces of a body one after the other. */
export class BodyReader {
  readonly #body: Uint8Array;
  #offset = 0;

  constructor(body: Uint8Array) {
    this.#body = body;
  }

  /** A view. */
  next(size: number): Uint8Array {
    const from = this.#offset;
    this.#offset += size;
    return this.#body.subarray(from, this.#offset);
  }
}

const noSizes: readonly number[] = [];

/** The answer to send; adds the entries of the reply to the body. */
export function packReply(reply: StreamReply, body: BodyWriter): StreamAnswer {
  const entries = entriesOf(reply);
  if (entries === undefined) return { reply, sizes: noSizes };
  const sizes = entries.map((entry) => {
    const bytes = encodeStoredEnvelope(entry);
    body.add(bytes);
    return bytes.length;
  });
  return { reply: withEntries(reply, []), sizes };
}

/** The reply of an answer; takes its entries from the body. */
export function unpackReply({ reply, sizes }: StreamAnswer, body: BodyReader): StreamReply {
  if (entriesOf(reply) === undefined) return reply;
  // Memory of their own: who keeps one must not hold on to the batch.
  const copies = sizes.map((size) => new Uint8Array(body.next(size)));
  return withEntries(reply, copies.map(decodeStoredEnvelope));
}

function entriesOf(reply: StreamReply): readonly StreamEntry[] | undefined {
  if (reply.kind === 'page') return reply.page.entries;
  if (reply.kind === 'read' && reply.result.status === 'read') return reply.result.entries;
  return undefined;
}

function withEntries(reply: StreamReply, entries: readonly StreamEntry[]): StreamReply {
  if (reply.kind === 'page') return { kind: 'page', page: { ...reply.page, entries } };
  if (reply.kind !== 'read' || reply.result.status !== 'read') return reply;
  return { kind: 'read', result: { ...reply.result, entries } };
}
