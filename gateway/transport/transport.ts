/**
 * The ports between the wire and everything behind it. Only gateway/transport imports
 * uWebSockets.js; the rest of the gateway sees these types. Transport is handed `TransportHandlers`
 * and knows neither session nor http.
 */
import type { CloseCode } from '../protocol/close-codes.ts';
import type { Frame } from '../protocol/codec.ts';

/** What became of one frame. `buffered` means that the peer reads slower than we write. */
export type SendOutcome = 'sent' | 'buffered' | 'dropped';

/** One accepted WebSocket. Every method is safe after the close: it does nothing. */
export interface Socket {
  /** False from the moment the close handler runs, or `close` or `end` was called. */
  readonly isOpen: boolean;
  /** Writes one frame now. `dropped`: the send buffer is full and the socket is being closed. */
  send(frame: Frame): SendOutcome;
  /**
   * Writes frames in one system call. Returns the bytes that the kernel did not take (0: all went
   * out), or -1 when the socket is closed. Inside a cork each send reports success, so this number
   * is the only true outcome. One system call holds only outside the callbacks of other sockets
   * and their microtasks (there the cork is taken and every frame is a call of its own): fan out
   * from a turn of your own, for instance `setImmediate`.
   */
  write(frames: readonly Frame[]): number;
  /** Bytes accepted from us that the kernel has not taken yet. */
  bufferedBytes(): number;
  /**
   * Sends a close frame after what is buffered. `reason` is cut to the 123 bytes it may have. A peer
   * that does not complete the close is cut within half the idle timeout.
   */
  end(code: CloseCode, reason: string): void;
  /** Cuts the TCP connection at once; nothing buffered is sent. The peer sees 1006. */
  cut(): void;
}

/**
 * What a connection does with its socket's life. Called in order: open, then the rest, close last.
 * A throw is reported and closes this socket with 1011; it never reaches the process.
 */
export interface SocketHandler {
  onOpen(socket: Socket): void;
  /** `bytes` are valid only during the call. At most `frameBytesMax` long. */
  onFrame(bytes: Uint8Array, isBinary: boolean): void;
  /**
   * A frame of `bytes` bytes came, more than `frameBytesMax` and up to about twice that, so that
   * the client can be told why before `end(1009)`. Anything larger is cut and seen as 1006.
   */
  onOversize(bytes: number): void;
  /** The kernel took more of what was buffered. */
  onDrain(): void;
  /**
   * Exactly once, never inside a call of `send`, `write`, `end` or `cut`: after an `end` or `cut` of
   * ours it follows in a microtask. `code` 1006: the peer vanished, or was cut; 1005: it closed
   * without a code.
   */
  onClose(code: number, reason: string): void;
}

/** A request with everything copied: safe to keep, valid after any await. */
export interface HttpRequest {
  /** Upper case. */
  readonly method: string;
  /** Raw path, still percent-encoded, without the query. Begins with a slash. */
  readonly path: string;
  /** Raw query string without the question mark; empty when there is none. */
  readonly query: string;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  /** IP address of the peer of the TCP connection (a proxy's, behind a proxy), canonical text. */
  readonly remoteAddress: string;
}

export interface HttpRequestWithBody extends HttpRequest {
  /** The whole body; empty when there is none. */
  readonly body: Uint8Array;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

/**
 * Take the socket, or answer the upgrade request like any other. A handler accepted after the
 * client went away or the time ran out is dropped without a call.
 */
export type UpgradeDecision =
  | { readonly accept: SocketHandler; readonly subprotocol: string | undefined }
  | { readonly reject: HttpResponse };

export interface TransportHandlers {
  /** Paths for which a request with `Upgrade: websocket` is offered to `onUpgrade`. */
  readonly isWebSocketPath: (path: string) => boolean;
  /** A throw is answered with 500; it never reaches the process. */
  readonly onUpgrade: (request: HttpRequest) => UpgradeDecision | Promise<UpgradeDecision>;
  /** Called when the headers are there; a refusal spares reading the body. */
  readonly onHeaders: (request: HttpRequest) => HttpResponse | undefined;
  /** Called when the body is there. A throw is answered with 500. */
  readonly onRequest: (request: HttpRequestWithBody) => HttpResponse | Promise<HttpResponse>;
}
