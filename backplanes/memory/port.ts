/**
 * The link between a worker's backplane and the broker in its parent process: two ends that carry
 * batches in order, and what the batches hold. Envelopes lie in one piece of memory, so that a
 * batch costs the same few copies whatever it carries.
 */
import type { GapReason } from '../backplane.ts';

/** One end of a link. Nothing is lost while the link is open. */
export interface Port<Out, In> {
  /**
   * Sends one message. `onTaken` is called once and not within the call: when the system took the
   * message, or when the link turned out to be closed. Until then the message costs memory here.
   */
  post(message: Out, onTaken: () => void): void;
  /** Calls for each message of the other end, in order; one listener, set before any message. */
  onMessage(listener: (message: In) => void): void;
  /** Calls once when the other end is gone; what it sent before may be lost. One listener. */
  onClose(listener: () => void): void;
}

/** What a worker asks for; each request gets one reply, in the order of the requests. */
export const requestKinds = {
  publish: 0,
  subscribe: 1,
  unsubscribe: 2,
  open: 3,
  close: 4,
} as const;

export type RequestKind = (typeof requestKinds)[keyof typeof requestKinds];

/** Envelopes as columns: the nth has the nth key and the nth part of the body. */
export interface Envelopes {
  readonly keys: readonly string[];
  /** Bytes of each. */
  readonly sizes: readonly number[];
  /** All of them, one behind the other. */
  readonly body: Uint8Array;
}

/** From worker to parent. Requests other than publishes have a size of 0. */
export interface RequestBatch extends Envelopes {
  readonly kinds: readonly RequestKind[];
}

/** From parent to worker. */
export interface ReplyBatch extends Envelopes {
  /** Replies to the oldest requests without one: nodes that get the publish, else 0. */
  readonly replies: readonly number[];
  /** Envelopes were dropped between the batch before and this one. */
  readonly gap: GapReason | undefined;
}

export type WorkerPort = Port<RequestBatch, ReplyBatch>;
export type ParentPort = Port<ReplyBatch, RequestBatch>;

/** What an envelope costs beside its bytes, about: its key and the places in the lists. */
const entryBytes = 64;

/** Collects envelopes until they are sent; keeps the bytes, which nobody may change. */
export class EnvelopeColumns {
  #keys: string[] = [];
  #parts: Uint8Array[] = [];
  #bodyBytes = 0;
  #keyChars = 0;

  get count(): number {
    return this.#keys.length;
  }

  /** Memory that it holds on to, about. */
  get bytes(): number {
    return this.#bodyBytes + this.#keyChars + this.#keys.length * entryBytes;
  }

  add(key: string, bytes: Uint8Array): void {
    this.#keys.push(key);
    this.#parts.push(bytes);
    this.#keyChars += key.length;
    this.#bodyBytes += bytes.length;
  }

  /** What was collected; it is empty afterwards. */
  take(): Envelopes {
    const keys = this.#keys;
    const parts = this.#parts;
    // Memory of its own: a port copies all that lies under a view.
    const body = new Uint8Array(this.#bodyBytes);
    let offset = 0;
    for (const part of parts) {
      body.set(part, offset);
      offset += part.length;
    }
    this.clear();
    return { keys, sizes: parts.map((part) => part.length), body };
  }

  clear(): void {
    this.#keys = [];
    this.#parts = [];
    this.#bodyBytes = 0;
    this.#keyChars = 0;
  }
}

/** Calls for each envelope in order; `bytes` is a view of the batch's body. */
export function forEachEnvelope(
  { body, keys, sizes }: Envelopes,
  visit: (key: string, bytes: Uint8Array, index: number) => void,
): void {
  let offset = 0;
  for (const [index, key] of keys.entries()) {
    const end = offset + (sizes[index] ?? 0);
    visit(key, body.subarray(offset, end), index);
    offset = end;
  }
}
