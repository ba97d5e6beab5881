/** Turns an upgrade request into a socket, or into an answer. */
import { errorResponse } from '../error-response.ts';
import type {
  HttpRequest as NativeRequest,
  HttpResponse as NativeResponse,
  us_socket_context_t as NativeContext,
} from 'uWebSockets.js';
import type { Admission, AdmissionRefusal } from './admission.ts';
import { copyRequest } from './copy-request.ts';
import { GuardedResponse } from './guarded-response.ts';
import { exchange } from './http-exchange.ts';
import type { ExchangeContext } from './http-exchange.ts';
import type { HttpResponse, UpgradeDecision } from './transport.ts';
import { UwsSocket } from './uws-socket.ts';
import type { SocketData } from './uws-socket.ts';

export interface UpgradeContext extends ExchangeContext {
  readonly admission: Admission;
}

/** The native code offers every request with a well-formed Sec-WebSocket-Key here. */
export function serveUpgrade(
  native: NativeResponse,
  request: NativeRequest,
  nativeContext: NativeContext,
  context: UpgradeContext,
): void {
  const response = new GuardedResponse(native, { host: context.host, isHead: false });
  response.run(() => {
    if (context.handlers.isWebSocketPath(request.getUrl())) {
      negotiate(response, { native, request, nativeContext }, context);
    } else {
      exchange(response, native, request, context);
    }
  });
}

/** What the native code hands over; `request` is valid only during its callback. */
interface Arrival {
  readonly native: NativeResponse;
  readonly request: NativeRequest;
  readonly nativeContext: NativeContext;
}

function negotiate(response: GuardedResponse, arrival: Arrival, context: UpgradeContext): void {
  const { nativeContext } = arrival;
  const { admission, handlers, limits } = context;
  const refusal = admission.admit();
  if (refusal !== undefined) {
    // Closing frees the descriptor, which may be what is short.
    response.answer(refusalResponse(refusal), true);
    return;
  }
  response.onSettled(() => {
    admission.release();
  });
  const copied = copyRequest(arrival.native, arrival.request);
  if ((copied.headers.get('sec-websocket-version') ?? '13') !== '13') {
    response.answer(versionResponse());
    return;
  }
  const key = copied.headers.get('sec-websocket-key') ?? '';
  const decision = handlers.onUpgrade(copied);
  if (decision instanceof Promise) {
    const ms = limits.requestTimeoutMs;
    response.setDeadline(ms, () =>
      errorResponse('handler-timed-out', `The upgrade did not finish within ${ms} ms. Try again.`),
    );
  }
  response.runWith(decision, (decided) => {
    conclude(response, decided, { key, nativeContext, context });
  });
}

interface Handshake {
  readonly key: string;
  readonly nativeContext: NativeContext;
  readonly context: UpgradeContext;
}

function conclude(
  response: GuardedResponse,
  decision: UpgradeDecision,
  handshake: Handshake,
): void {
  const { host } = handshake.context;
  if ('reject' in decision) {
    host.counters.upgradesRejectedByHandler += 1;
    response.answer(decision.reject);
    return;
  }
  const socket = new UwsSocket(host, decision.accept);
  const subprotocol = decision.subprotocol ?? '';
  const native = response.take();
  native?.cork(() => {
    host.counters.upgradesAccepted += 1;
    // No extensions are offered back: permessage-deflate costs memory per connection.
    native.upgrade<SocketData>({ socket }, handshake.key, subprotocol, '', handshake.nativeContext);
  });
}

function refusalResponse(refusal: AdmissionRefusal): HttpResponse {
  if (refusal === 'rate') {
    return errorResponse('too-many-upgrades', 'Too many clients connect at once. Try again.');
  }
  return errorResponse('too-many-connections', 'This node is full. Try again, maybe elsewhere.', {
    headers: { 'retry-after': '5' },
  });
}

function versionResponse(): HttpResponse {
  const message = 'Only version 13 of the WebSocket protocol is spoken here (RFC 6455).';
  const response = errorResponse('bad-request', message, {
    headers: { 'sec-websocket-version': '13' },
  });
  return { ...response, status: 426 };
}
