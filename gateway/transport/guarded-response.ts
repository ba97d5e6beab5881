/**
 * Guarantees that every request is answered once or its abort noticed, whatever throws: a handler
 * that returns without either makes uWebSockets.js abort the process.
 */
import type { HttpResponse as NativeResponse } from 'uWebSockets.js';
import { errorResponse } from '../error-response.ts';
import type { SocketHost } from './socket-host.ts';
import type { HttpResponse } from './transport.ts';
import { prepareResponse, writeResponse } from './write-response.ts';

export interface GuardOptions {
  readonly host: SocketHost;
  readonly isHead: boolean;
}

export class GuardedResponse {
  readonly host: SocketHost;
  readonly #isHead: boolean;
  /** Defined exactly while native calls are legal. */
  #native: NativeResponse | undefined;
  #timer: NodeJS.Timeout | undefined;
  #onSettled: (() => void) | undefined;

  /** Must be the first thing that happens to a request. */
  constructor(native: NativeResponse, options: GuardOptions) {
    this.host = options.host;
    this.#isHead = options.isHead;
    this.#native = native;
    native.onAborted(() => {
      if (this.#native === undefined) return;
      this.host.counters.abortedRequests += 1;
      this.#settle();
    });
  }

  /** False after the answer, the abort or the hand-over. */
  get isPending(): boolean {
    return this.#native !== undefined;
  }

  /** Runs a step; a throw is reported and answered with 500. Nothing runs once it is settled. */
  run(step: (native: NativeResponse) => void): void {
    if (this.#native === undefined) return;
    try {
      step(this.#native);
    } catch (error) {
      this.fail(error);
    }
  }

  /** Runs `proceed` with the value, at once or when it is there, under the same guarantee. */
  runWith<T>(value: T | Promise<T>, proceed: (value: T) => void): void {
    if (!(value instanceof Promise)) {
      proceed(value);
      return;
    }
    value.then(
      (settled) => {
        this.run(() => {
          proceed(settled);
        });
      },
      (error: unknown) => {
        this.fail(error);
      },
    );
  }

  /** `task` runs once: when the request is answered or aborted, but not when it is handed over. */
  onSettled(task: () => void): void {
    this.#onSettled = task;
  }

  /** Answers with `response()` unless something else settles the request within `ms`. */
  setDeadline(ms: number, response: () => HttpResponse): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.host.counters.timedOutRequests += 1;
      this.answer(response(), true);
    }, ms);
  }

  /**
   * Answers, if there is still somebody to answer. `close`, or a header `connection: close`: the
   * connection ends with it.
   */
  answer(response: HttpResponse, close = response.headers?.['connection'] === 'close'): void {
    if (this.#native === undefined) return;
    let prepared;
    try {
      prepared = prepareResponse(response, this.#isHead);
    } catch (error) {
      this.host.report(error);
      prepared = prepareResponse(internalError(), this.#isHead);
    }
    const ready = prepared;
    const native = this.#native;
    this.#settle();
    native.cork(() => {
      writeResponse(native, ready, close);
    });
  }

  /** Reports what a handler threw and answers with 500. */
  fail(error: unknown): void {
    this.host.report(error);
    this.answer(internalError());
  }

  /** Hands the native response over for the upgrade; undefined when the client is gone. */
  take(): NativeResponse | undefined {
    const native = this.#native;
    this.#onSettled = undefined;
    this.#settle();
    return native;
  }

  #settle(): void {
    this.#native = undefined;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const task = this.#onSettled;
    this.#onSettled = undefined;
    task?.();
  }
}

function internalError(): HttpResponse {
  return errorResponse('internal', 'The gateway failed to handle the request. Try again.');
}
