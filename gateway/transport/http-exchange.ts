/** Serves one HTTP request: copies it, collects its body within bounds, and answers. */
import type { HttpRequest as NativeRequest, HttpResponse as NativeResponse } from 'uWebSockets.js';
import { errorResponse } from '../error-response.ts';
import type { Limits } from '../limits.ts';
import { copyRequest } from './copy-request.ts';
import { GuardedResponse } from './guarded-response.ts';
import type { SocketHost } from './socket-host.ts';
import type { HttpRequest, HttpResponse, TransportHandlers } from './transport.ts';

export interface ExchangeContext {
  readonly host: SocketHost;
  readonly limits: Limits;
  readonly handlers: TransportHandlers;
}

/** A refused body up to this many times the bound is read and discarded, so that the client can
 * read the answer; beyond it the connection is closed. */
const discardFactor = 4;
const noBody = new Uint8Array(0);

export function serveRequest(
  native: NativeResponse,
  request: NativeRequest,
  context: ExchangeContext,
): void {
  const isHead = request.getMethod() === 'head';
  const response = new GuardedResponse(native, { host: context.host, isHead });
  response.run(() => {
    exchange(response, native, request, context);
  });
}

/** Serves a request that is guarded already. Runs as a step of `response`. */
export function exchange(
  response: GuardedResponse,
  native: NativeResponse,
  request: NativeRequest,
  context: ExchangeContext,
): void {
  context.host.counters.httpRequests += 1;
  new HttpExchange(response, copyRequest(native, request), context).begin(native);
}

class HttpExchange {
  readonly #response: GuardedResponse;
  readonly #request: HttpRequest;
  readonly #context: ExchangeContext;
  readonly #chunks: Uint8Array[] = [];
  #bytes = 0;

  constructor(response: GuardedResponse, request: HttpRequest, context: ExchangeContext) {
    this.#response = response;
    this.#request = request;
    this.#context = context;
  }

  begin(native: NativeResponse): void {
    const { headers } = this.#request;
    const { bodyBytesMax } = this.#context.limits;
    const isChunked = headers.has('transfer-encoding');
    const declared = Number(headers.get('content-length') ?? 0);
    const close = declared > bodyBytesMax * discardFactor;
    const refusal = this.#context.handlers.onHeaders(this.#request);
    if (refusal !== undefined) {
      this.#response.answer(refusal, close);
    } else if (declared > bodyBytesMax) {
      this.#response.answer(this.#tooLarge(), close);
    } else if (isChunked || declared > 0) {
      this.#collect(native);
    } else {
      this.#handle(noBody);
    }
  }

  #collect(native: NativeResponse): void {
    const ms = this.#context.limits.requestTimeoutMs;
    this.#response.setDeadline(ms, () =>
      errorResponse('request-timed-out', `The request body was not complete within ${ms} ms.`),
    );
    native.onData((chunk, isLast) => {
      this.#response.run(() => {
        this.#receive(chunk, isLast);
      });
    });
  }

  #receive(chunk: ArrayBuffer, isLast: boolean): void {
    this.#bytes += chunk.byteLength;
    if (this.#bytes > this.#context.limits.bodyBytesMax) {
      this.#chunks.length = 0;
      this.#response.answer(this.#tooLarge(), !isLast);
      return;
    }
    // The chunk is detached when this call returns.
    if (chunk.byteLength > 0) this.#chunks.push(new Uint8Array(chunk.slice(0)));
    if (!isLast) return;
    const [first = noBody] = this.#chunks;
    this.#handle(this.#chunks.length > 1 ? Buffer.concat(this.#chunks, this.#bytes) : first);
  }

  #handle(body: Uint8Array): void {
    const { handlers, limits } = this.#context;
    const answer = handlers.onRequest({ ...this.#request, body });
    if (answer instanceof Promise) {
      this.#response.setDeadline(limits.requestTimeoutMs, () =>
        errorResponse(
          'handler-timed-out',
          `The gateway did not finish the request within ${limits.requestTimeoutMs} ms. Try again.`,
        ),
      );
    }
    this.#response.runWith(answer, (response) => {
      this.#response.answer(response);
    });
  }

  #tooLarge(): HttpResponse {
    const bound = this.#context.limits.bodyBytesMax;
    return errorResponse('body-too-large', `The request body is larger than ${bound} bytes.`);
  }
}
