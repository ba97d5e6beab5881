/**
 * Requests on their way to the gateway, in order: kept while there is no connection, sent again
 * where a repeat is harmless, and bounded in number and bytes.
 */
import type { Backoff } from './backoff.ts';
import type { Clock } from './environment.ts';
import { TrunklineError } from './errors.ts';
import type { Link } from './link.ts';
import type { ClientFrame, GatewayFrame } from './wire.ts';

export interface RequestOptions {
  /** Ends the wait; a request that has been sent may have its effect all the same. */
  readonly signal?: AbortSignal | undefined;
  /** Until the answer must be there; counted from the call. Default: `requestTimeoutMs`. */
  readonly timeoutMs?: number | undefined;
}

export interface OutboxRequest extends RequestOptions {
  readonly frame: ClientFrame;
  /** True: it may be sent again when nobody knows what became of it. */
  readonly isRepeatable: boolean;
  /** The group that must not be joined anew while nobody knows what became of it. */
  readonly holds?: string | undefined;
  /** Called while the answer of a success is read, before what follows it. */
  readonly onSuccess?: (answer: GatewayFrame) => void;
  /** Called when it was sent and then given up by its caller. */
  readonly onGivenUp?: (link: Link) => void;
}

export interface OutboxOptions {
  readonly clock: Clock;
  readonly backoff: Backoff;
  readonly messagesMax: number;
  readonly bytesMax: number;
  readonly sizeOf: (frame: ClientFrame) => number;
  readonly timeoutMs: number;
  /** A request has been answered or given up. */
  readonly onSettled: () => void;
}

interface Entry {
  readonly request: OutboxRequest;
  readonly bytes: number;
  /** Where it was sent and is not answered yet. */
  link: Link | undefined;
  /** It was sent before, and nobody knows what became of it. */
  isDoubtful: boolean;
  cancelRetry: (() => void) | undefined;
  readonly settle: (outcome: GatewayFrame | Error) => void;
}

/** The gateway could not do it now. */
const passingRefusal = 'InternalServerError';

export class Outbox {
  readonly #options: OutboxOptions;
  readonly #entries = new Set<Entry>();
  #bytes = 0;
  #link: Link | undefined;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /**
   * Resolves with the gateway's answer.
   * @throws TrunklineError `queue-full`, `refused`, `timeout`, `connection-lost`, `closed`; the
   * signal's reason.
   */
  request(request: OutboxRequest): Promise<GatewayFrame> {
    const { bytesMax, messagesMax, sizeOf } = this.#options;
    const bytes = sizeOf(request.frame);
    request.signal?.throwIfAborted();
    if (this.#entries.size >= messagesMax || this.#bytes + bytes > bytesMax) {
      const bounds = `queueMessagesMax is ${messagesMax}, queueBytesMax ${bytesMax}`;
      const state = `${this.#entries.size} requests with ${this.#bytes} bytes wait`;
      throw new TrunklineError('queue-full', `${state} for the gateway's answer: ${bounds}`);
    }
    return new Promise((resolve, reject) => {
      const entry = this.#enter(request, bytes, (outcome) => {
        if (outcome instanceof Error) reject(outcome);
        else resolve(outcome);
      });
      if (this.#link !== undefined) this.#send(entry, this.#link);
    });
  }

  /** True while it matters for this group that a request is not answered on this link. */
  holds(group: string, link: Link): boolean {
    return [...this.#entries].some(
      (entry) =>
        entry.request.holds === group &&
        (entry.isDoubtful || (entry.link !== undefined && entry.link !== link)),
    );
  }

  /** Sends everything that is not answered, in order, and what comes from now on. */
  attach(link: Link): void {
    this.#link = link;
    for (const entry of this.#entries) this.#send(entry, link);
  }

  /** Keeps what comes until the next `attach`. */
  detach(): void {
    this.#link = undefined;
  }

  /** Fails everything that waits. */
  fail(error: TrunklineError): void {
    this.detach();
    for (const { settle } of this.#entries) settle(error);
  }

  #enter(
    request: OutboxRequest,
    bytes: number,
    done: (outcome: GatewayFrame | Error) => void,
  ): Entry {
    const { clock, onSettled, timeoutMs: defaultMs } = this.#options;
    const { signal, timeoutMs = defaultMs } = request;
    const settle = (outcome: GatewayFrame | Error): void => {
      if (!this.#entries.delete(entry)) return;
      this.#bytes -= bytes;
      cancelTimeout();
      entry.cancelRetry?.();
      signal?.removeEventListener('abort', onAbort);
      done(outcome);
      onSettled();
    };
    const giveUp = (error: Error): void => {
      const { link } = entry;
      settle(error);
      if (link !== undefined) request.onGivenUp?.(link);
    };
    const onAbort = (): void => giveUp(abortError(signal?.reason));
    const cancelTimeout = clock.after(timeoutMs, () => {
      const text = `The gateway did not answer "${request.frame.type}" within ${timeoutMs} ms`;
      giveUp(new TrunklineError('timeout', `${text}; it may have had its effect`));
    });
    const none = { link: undefined, cancelRetry: undefined };
    const entry: Entry = { request, bytes, isDoubtful: false, settle, ...none };
    signal?.addEventListener('abort', onAbort);
    this.#entries.add(entry);
    this.#bytes += bytes;
    return entry;
  }

  #send(entry: Entry, link: Link): void {
    if (entry.link === link || entry.cancelRetry !== undefined || !link.isReady) return;
    entry.link = link;
    link.ask(entry.request.frame, (answer) => {
      if (entry.link !== link) return;
      entry.link = undefined;
      if (answer === undefined) this.#onLost(entry);
      else this.#onAnswer(entry, answer);
    });
  }

  #onLost(entry: Entry): void {
    entry.isDoubtful = true;
    if (entry.request.isRepeatable) return;
    const text = `The connection was lost before "${entry.request.frame.type}" was answered`;
    entry.settle(new TrunklineError('connection-lost', `${text}; it may have had its effect`));
  }

  #onAnswer(entry: Entry, answer: GatewayFrame): void {
    const { backoff, clock, onSettled } = this.#options;
    const { isRepeatable, onSuccess } = entry.request;
    // Whatever it says, a join of the group has nothing to wait for any more.
    entry.isDoubtful = false;
    if (answer.success !== false) {
      if (this.#entries.has(entry)) backoff.reset();
      onSuccess?.(answer);
      return entry.settle(answer);
    }
    const { message = '', name } = answer.error ?? {};
    if (name === passingRefusal && isRepeatable && this.#entries.has(entry)) {
      entry.cancelRetry = clock.after(backoff.nextMs(), () => {
        entry.cancelRetry = undefined;
        if (this.#link !== undefined) this.#send(entry, this.#link);
      });
      return onSettled();
    }
    entry.settle(new TrunklineError('refused', message, { refusal: name }));
  }
}

function abortError(reason: unknown): Error {
  return reason instanceof Error ? reason : new DOMException(String(reason), 'AbortError');
}
