/** One accepted WebSocket: safe to call at any time, lean, and never touching a closed handle. */
import type { WebSocket } from 'uWebSockets.js';
import { closeCodes } from '../protocol/close-codes.ts';
import type { CloseCode } from '../protocol/close-codes.ts';
import type { Frame } from '../protocol/codec.ts';
import type { SocketHost } from './socket-host.ts';
import type { SendOutcome, Socket, SocketHandler } from './transport.ts';

/** What uWebSockets.js keeps with each connection. */
export interface SocketData {
  readonly socket: UwsSocket;
}

export type NativeSocket = WebSocket<SocketData>;

/** Longest reason of a close frame: 125 bytes of a control frame less the code. */
const reasonBytesMax = 123;
/** No UTF-16 unit takes more than three bytes of UTF-8. */
const reasonUnitsSafe = Math.floor(reasonBytesMax / 3);
const pingWindowMs = 5000;
const pingsPerWindowMax = 50;

export class UwsSocket implements Socket {
  readonly #host: SocketHost;
  readonly #handler: SocketHandler;
  /** Defined exactly while native calls are legal. */
  #native: NativeSocket | undefined;
  #pings = 0;
  #pingsSinceMs = 0;

  constructor(host: SocketHost, handler: SocketHandler) {
    this.#host = host;
    this.#handler = handler;
    this.#native = undefined;
  }

  get isOpen(): boolean {
    return this.#native !== undefined;
  }

  send(frame: Frame): SendOutcome {
    const native = this.#native;
    if (native === undefined) return 'dropped';
    const counters = this.#host.counters;
    counters.writes += 1;
    const outcome = native.send(frame.bytes, frame.isBinary, false);
    if (outcome === 2) {
      counters.droppedSends += 1;
      this.cut();
      return 'dropped';
    }
    counters.framesOut += 1;
    counters.bytesOut += frame.bytes.length;
    return outcome === 1 ? 'sent' : 'buffered';
  }

  write(frames: readonly Frame[]): number {
    const native = this.#native;
    if (native === undefined) return -1;
    const only = frames.length === 1 ? frames[0] : undefined;
    // A single frame needs no cork, and without one the library says itself what became of it.
    if (only !== undefined) return this.send(only) === 'sent' ? 0 : this.#outcomeOfWrite();
    if (!this.#host.writeCorked(native, frames)) {
      this.cut();
      return -1;
    }
    return this.#outcomeOfWrite();
  }

  #outcomeOfWrite(): number {
    return this.#native === undefined ? -1 : this.#native.getBufferedAmount();
  }

  bufferedBytes(): number {
    return this.#native === undefined ? 0 : this.#native.getBufferedAmount();
  }

  end(code: CloseCode, reason: string): void {
    const native = this.#native;
    // Cleared first: the native call runs the close handler before it returns.
    this.#native = undefined;
    native?.end(code, cutReason(reason));
  }

  cut(): void {
    const native = this.#native;
    this.#native = undefined;
    native?.close();
  }

  /** The upgrade is complete. */
  opened(native: NativeSocket): void {
    this.#native = native;
    try {
      this.#handler.onOpen(this);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** A whole message came; `message` is detached after the call. */
  received(message: ArrayBuffer, isBinary: boolean): void {
    const bytes = message.byteLength;
    const counters = this.#host.counters;
    if (isBinary) {
      counters.binaryFramesIn += 1;
      counters.binaryBytesIn += bytes;
    } else {
      counters.textFramesIn += 1;
      counters.textBytesIn += bytes;
    }
    // After our own end the peer may still be talking.
    if (this.#native === undefined) return;
    try {
      if (bytes > this.#host.frameBytesMax) {
        counters.oversizeFrames += 1;
        this.#handler.onOversize(bytes);
      } else {
        this.#handler.onFrame(new Uint8Array(message), isBinary);
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  drained(): void {
    if (this.#native === undefined) return;
    try {
      this.#handler.onDrain();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** The native code answers pings by itself, as many as come; this bounds them. */
  pinged(): void {
    const now = this.#host.now();
    if (now - this.#pingsSinceMs >= pingWindowMs) {
      this.#pingsSinceMs = Math.trunc(now);
      this.#pings = 0;
    }
    this.#pings += 1;
    if (this.#pings <= pingsPerWindowMax || this.#native === undefined) return;
    this.#host.counters.pingFloods += 1;
    this.end(closeCodes.policyViolation, 'Too many pings: at most 10 per second are answered.');
  }

  /** The native handle is gone. */
  closed(code: number, reason: string): void {
    const isOurs = this.#native === undefined;
    this.#native = undefined;
    if (isOurs) {
      // We are inside a call of our owner's: it hears of the close after that call.
      this.#host.defer(() => this.#notifyClosed(code, reason));
    } else {
      this.#notifyClosed(code, reason);
    }
  }

  #notifyClosed(code: number, reason: string): void {
    try {
      this.#handler.onClose(code, reason);
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    this.#host.report(error);
    this.end(closeCodes.internalError, 'The gateway failed to handle this connection.');
  }
}

/** Cuts at the last whole character that fits; a broken one would make the peer see 1006. */
export function cutReason(reason: string): string {
  if (reason.length <= reasonUnitsSafe) return reason;
  const { read } = new TextEncoder().encodeInto(reason, new Uint8Array(reasonBytesMax));
  return reason.slice(0, read);
}
