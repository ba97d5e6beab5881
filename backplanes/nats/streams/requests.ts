/**
 * Requests and their answers over one inbox subscription. The library's own way to publish to
 * JetStream costs six times the CPU; this one is all that appends need.
 */
import { randomUUID } from 'node:crypto';
import type { Msg, MsgHdrs } from '@nats-io/transport-node';
import { BackplaneUnavailableError, PublishOutcomeUnknownError } from '../../backplane.ts';
import type { Session } from '../session.ts';
import { headerBlock, statusOf } from './headers.ts';

/** Copied out of the connection's buffers only where it is kept: read it at once. */
export interface Answer {
  readonly bytes: Uint8Array;
  readonly message: Msg;
  /** 0, or for instance 503: nobody listens on that subject. */
  readonly status: number;
}

export interface Question {
  readonly subject: string;
  readonly bytes: Uint8Array;
  readonly headers?: MsgHdrs | undefined;
}

export interface RequestsOptions {
  readonly prefix: string;
  readonly timeoutMs: number;
  /** The session to ask on; undefined while there is none. */
  readonly session: () => Session | undefined;
  /** For errors: why there is none. */
  readonly detail: () => string;
}

interface Pending {
  readonly session: Session;
  readonly dueAt: number;
  /** False: certainly not sent yet. */
  isWritten: boolean;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

/** Deadlines are looked at so many times in the time that a request has. */
const sweepsPerTimeout = 40;

export class Requests {
  readonly #options: RequestsOptions;
  readonly #inbox: string;
  /** By number. */
  readonly #pending = new Map<number, Pending>();
  readonly #sweepMs: number;
  #next = 1;
  #sweeping: NodeJS.Timeout | undefined;
  #attached: Session | undefined;

  constructor(options: RequestsOptions) {
    this.#options = options;
    this.#inbox = `${options.prefix}.r.${randomUUID()}`;
    this.#sweepMs = Math.max(1, options.timeoutMs / sweepsPerTimeout);
  }

  /** A subject of this node's own, outside of those that answers come on. */
  get streamInbox(): string {
    this.#next += 1;
    return `${this.#inbox}.c.${this.#next.toString(36)}`;
  }

  /** Makes a new session able to bring answers. @throws as `Session.subscribe` does. */
  async attach(session: Session): Promise<void> {
    this.#attached = session;
    void session.ended.then(({ reason }) => this.#lose(session, reason));
    const start = this.#inbox.length + 1;
    await session.subscribe(`${this.#inbox}.*`, (bytes, message) => {
      this.#take(Number.parseInt(message.subject.slice(start), 36), bytes, message);
    });
  }

  /**
   * Resolves with whatever answer comes. What is asked in one turn goes out together, in order.
   * `withinMs`: a shorter time than usual.
   * @throws BackplaneUnavailableError: not sent. PublishOutcomeUnknownError: sent, no answer.
   */
  ask({ bytes, headers, subject }: Question, withinMs = this.#options.timeoutMs): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const session = this.#options.session();
      const number = this.#next;
      this.#next += 1;
      const dueAt = performance.now() + withinMs - this.#sweepMs;
      if (session === undefined) {
        reject(new BackplaneUnavailableError(`NATS is not available: ${this.#options.detail()}`));
        return;
      }
      // Its own turn carries both: the server knows the inbox before it is asked.
      if (this.#attached !== session) this.attach(session).catch(() => undefined);
      const pending: Pending = { session, dueAt, isWritten: false, resolve, reject };
      const reply = `${this.#inbox}.${number.toString(36)}`;
      this.#pending.set(number, pending);
      this.#sweeping ??= setInterval(() => this.#sweep(), this.#sweepMs);
      session.write((connection) => {
        pending.isWritten = true;
        connection.publish(subject, bytes, headers === undefined ? { reply } : { reply, headers });
      });
    });
  }

  /** Ends what still waits. Idempotent. */
  close(): void {
    for (const pending of this.#pending.values()) fail(pending, 'this node closed it');
    this.#pending.clear();
    this.#rest();
  }

  #take(number: number, bytes: Uint8Array, message: Msg): void {
    const pending = this.#pending.get(number);
    // It was given up, or it is a second answer.
    if (pending === undefined) return;
    this.#pending.delete(number);
    if (this.#pending.size === 0) this.#rest();
    const status =
      bytes.length > 0 ? 0 : statusOf(headerBlock(message, bytes, subjectBytes(message)));
    pending.resolve({ bytes, message, status });
  }

  #sweep(): void {
    const now = performance.now();
    for (const [number, pending] of this.#pending) {
      // What is not written yet waits for this process, which is late itself.
      if (pending.dueAt > now || !pending.isWritten) continue;
      this.#pending.delete(number);
      fail(pending, 'NATS did not answer in time');
    }
    if (this.#pending.size === 0) this.#rest();
  }

  #lose(session: Session, reason: string): void {
    if (this.#attached === session) this.#attached = undefined;
    for (const [number, pending] of this.#pending) {
      if (pending.session !== session) continue;
      this.#pending.delete(number);
      fail(pending, `the connection to NATS ended: ${reason}`);
    }
    if (this.#pending.size === 0) this.#rest();
  }

  #rest(): void {
    clearInterval(this.#sweeping);
    this.#sweeping = undefined;
  }
}

/** Bytes of the message's subject and reply subject. */
export function subjectBytes(message: Msg): number {
  return message.subject.length + (message.reply ?? '').length;
}

function fail({ isWritten, reject }: Pending, why: string): void {
  const text = isWritten ? `No answer: ${why}` : `It was not sent: ${why}`;
  reject(isWritten ? new PublishOutcomeUnknownError(text) : new BackplaneUnavailableError(text));
}
