/**
 * The socket that a reliable connection shows to everybody behind it: it is there as long as the
 * connection is, whatever becomes of the sockets of its client. What the fan-out writes is a
 * message: it is numbered and held until the client acknowledges it. What is sent is a reply, and
 * goes to the client's socket or is lost with it.
 */
import { closeCodes, type CloseCode } from '../../protocol/close-codes.ts';
import type { Frame } from '../../protocol/codec.ts';
import type { SendOutcome, Socket } from '../../transport/transport.ts';
import type { Outbox } from './outbox.ts';

export interface OutletOptions {
  readonly outbox: Outbox;
  readonly number: (frame: Frame, sequenceId: number) => Frame;
  /** A bound of the outbox is exceeded: end the connection. */
  readonly onOverflow: () => void;
  /** `end` or `cut` was called: the connection is over. Called once; `cut` has no code. */
  readonly onEnd: (code: CloseCode | undefined, reason: string) => void;
}

/** Bytes of frames written before the socket is asked again. */
const writeBytesMax = 64 * 1024;

interface Waiting {
  readonly sequenceId: number;
  readonly resolve: () => void;
}

export class Outlet implements Socket {
  readonly #options: OutletOptions;
  #socket: Socket | undefined;
  /** Number of the last message written to the present socket. */
  #written = 0;
  /** The socket has not taken all that was written: the rest waits for its drain. */
  #isBlocked = false;
  #isEnded = false;
  /** Who waits until the socket has the message of a number, by rising numbers. */
  #waiting: Waiting[] = [];

  constructor(options: OutletOptions) {
    this.#options = options;
  }

  get isOpen(): boolean {
    return !this.#isEnded;
  }

  /** From now on this socket is the client's; `resend` writes to it. */
  attach(socket: Socket): void {
    this.#socket = socket;
    this.#isBlocked = false;
    // Until `resend`, nothing but replies.
    this.#written = Number.MAX_SAFE_INTEGER;
  }

  /** The client has no socket. */
  detach(): void {
    this.#socket = undefined;
    this.#stopWaiting(Number.MAX_SAFE_INTEGER);
  }

  /** Writes every message that is not acknowledged to the new socket, then what comes. */
  resend(): void {
    this.#written = 0;
    this.#pump();
  }

  send(frame: Frame): SendOutcome {
    // A socket that drops is closed by the transport; the client comes back for what it missed.
    if (this.#socket?.send(frame) === 'buffered') this.#isBlocked = true;
    return this.#isEnded ? 'dropped' : 'sent';
  }

  /** Never says that bytes are left: the outbox is this connection's own queue. */
  write(frames: readonly Frame[]): number {
    if (this.#isEnded) return -1;
    const { onOverflow, outbox } = this.#options;
    for (const frame of frames) {
      if (outbox.append(frame)) continue;
      onOverflow();
      return -1;
    }
    this.#pump();
    return 0;
  }

  /** Resolves when the client's socket was given every message so far, or there is none. */
  given(): Promise<void> {
    const sequenceId = this.#options.outbox.next - 1;
    const isGiven = this.#socket === undefined || this.#isEnded || this.#written >= sequenceId;
    if (isGiven) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiting.push({ sequenceId, resolve });
    });
  }

  bufferedBytes(): number {
    return 0;
  }

  /** The client has everything up to this number. */
  acknowledge(sequenceId: number): void {
    this.#options.outbox.acknowledge(sequenceId);
  }

  /** The client's socket took more. */
  onDrain(): void {
    if (this.#socket === undefined || this.#socket.bufferedBytes() > 0) return;
    this.#isBlocked = false;
    this.#pump();
  }

  end(code: CloseCode, reason: string): void {
    // The connection is over with its node: a client told to come back would look for it in vain.
    const final = code === closeCodes.goingAway ? closeCodes.policyViolation : code;
    this.#socket?.end(final, reason);
    this.#finish(code, reason);
  }

  cut(): void {
    this.#socket?.cut();
    this.#finish(undefined, '');
  }

  #finish(code: CloseCode | undefined, reason: string): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#stopWaiting(Number.MAX_SAFE_INTEGER);
    this.#options.onEnd(code, reason);
  }

  #pump(): void {
    const { outbox } = this.#options;
    while (this.#socket !== undefined && !this.#isBlocked) {
      // What was acknowledged meanwhile came through an earlier socket.
      this.#written = Math.max(this.#written, outbox.first - 1);
      const frames = this.#nextFrames();
      if (frames.length === 0) break;
      this.#written += frames.length;
      const left = this.#socket.write(frames);
      if (left !== 0) this.#isBlocked = true;
    }
    this.#stopWaiting(this.#written);
  }

  #stopWaiting(sequenceId: number): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (next.sequenceId > sequenceId) return;
      this.#waiting.shift();
      next.resolve();
    }
  }

  #nextFrames(): Frame[] {
    const { number, outbox } = this.#options;
    const frames: Frame[] = [];
    let bytes = 0;
    let next = this.#written + 1;
    for (
      let at = outbox.at(next);
      at !== undefined && bytes < writeBytesMax;
      at = outbox.at(next)
    ) {
      frames.push(number(at, next));
      bytes += at.bytes.length;
      next += 1;
    }
    return frames;
  }
}
