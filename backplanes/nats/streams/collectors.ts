/**
 * What stays of the messages that a read brings: as many as one answer may hold, in number and in
 * bytes, and one more, which tells that there is more. One message at least, however large.
 */
import { answerBytesMax } from '../../stream-store.ts';
import type { StoredMessage } from './api.ts';

export interface Collector {
  /** True: no more is wanted. */
  readonly isFull: boolean;
  /** Messages come oldest first. */
  add(message: StoredMessage): void;
}

export interface Page {
  readonly messages: readonly StoredMessage[];
  readonly hasMore: boolean;
}

/** Keeps the first ones. */
export class FirstMessages implements Collector {
  readonly #limit: number;
  readonly #messages: StoredMessage[] = [];
  #bytes = 0;
  #hasMore = false;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get isFull(): boolean {
    return this.#hasMore;
  }

  add(message: StoredMessage): void {
    const count = this.#messages.length;
    const bytes = this.#bytes + message.bytes.length;
    this.#hasMore ||= count >= this.#limit || (count > 0 && bytes > answerBytesMax);
    if (this.#hasMore) return;
    this.#messages.push(message);
    this.#bytes = bytes;
  }

  page(): Page {
    return { messages: this.#messages, hasMore: this.#hasMore };
  }
}

/** Keeps the last ones, and the one before them. */
export class LastMessages implements Collector {
  readonly isFull = false;
  readonly #limit: number;
  #messages: StoredMessage[] = [];
  /** Of all but the oldest one. */
  #bytes = 0;
  #isCut = false;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** True: there are as many as an answer may hold, and the one before them. */
  get isWhole(): boolean {
    return this.#isCut || this.#messages.length > this.#limit;
  }

  add(message: StoredMessage): void {
    if (this.#messages.length > 0) this.#bytes += message.bytes.length;
    this.#messages.push(message);
    while (this.#isTooMuch()) {
      this.#messages.shift();
      this.#bytes -= this.#messages[0]?.bytes.length ?? 0;
      this.#isCut = true;
    }
  }

  /** All of them, oldest first; where there are more, the first is the one before the page. */
  page(): Page {
    return { messages: this.#messages, hasMore: this.isWhole };
  }

  #isTooMuch(): boolean {
    const { length } = this.#messages;
    return length > this.#limit + 1 || (length > 2 && this.#bytes > answerBytesMax);
  }
}
