/**
 * One socket of a client, on its way to a reliable connection or there. A connection has several in
 * its life, one at a time.
 */
import type { Limits } from '../../limits.ts';
import { closeCodes, type CloseCode } from '../../protocol/close-codes.ts';
import type { Socket, SocketHandler } from '../../transport/transport.ts';
import { EarlyFrames } from '../early-frames.ts';

/** The connection that an attachment has arrived at. */
export interface AttachmentOwner {
  onFrame(bytes: Uint8Array, isBinary: boolean): void;
  onOversize(bytes: number): void;
  onDrain(): void;
  onSocketClosed(attachment: Attachment, code: number): void;
}

export interface AttachmentOptions {
  readonly limits: Pick<Limits, 'frameBytesMax'>;
  /** The upgrade is complete: bind the attachment, or refuse it, now or later. */
  readonly onOpened: (attachment: Attachment) => void;
  /** The socket closed before the attachment was bound. */
  readonly onAbandoned?: (attachment: Attachment) => void;
}

export class Attachment implements SocketHandler {
  readonly #options: AttachmentOptions;
  #socket: Socket | undefined;
  #owner: AttachmentOwner | undefined;
  /** Frames that came before it was bound. */
  readonly #early: EarlyFrames;

  constructor(options: AttachmentOptions) {
    this.#options = options;
    this.#early = new EarlyFrames(options.limits.frameBytesMax);
  }

  /** undefined: it is closed, or not open yet. */
  get socket(): Socket | undefined {
    return this.#socket?.isOpen === true ? this.#socket : undefined;
  }

  /** What comes from now on, and has come so far, is for this owner. */
  bind(owner: AttachmentOwner): void {
    this.#owner = owner;
    this.#early.replay((bytes, isBinary) => {
      if (this.#owner === owner) owner.onFrame(bytes, isBinary);
    });
  }

  /** Closes the socket, whose owner does not hear of it. */
  end(code: CloseCode, reason: string): void {
    this.#owner = undefined;
    this.#socket?.end(code, reason);
  }

  /** Closes the socket; its owner hears of the close as of one by the client. */
  release(code: CloseCode, reason: string): void {
    this.#socket?.end(code, reason);
  }

  onOpen(socket: Socket): void {
    this.#socket = socket;
    this.#options.onOpened(this);
  }

  onFrame(bytes: Uint8Array, isBinary: boolean): void {
    if (this.#owner !== undefined) return this.#owner.onFrame(bytes, isBinary);
    if (this.#early.take(bytes, isBinary)) return undefined;
    return this.end(
      closeCodes.policyViolation,
      'Too much was sent before the connection was ready; wait for system/connected',
    );
  }

  onOversize(bytes: number): void {
    if (this.#owner !== undefined) return this.#owner.onOversize(bytes);
    return this.end(closeCodes.messageTooBig, `A frame of ${bytes} bytes is too large; send less`);
  }

  onDrain(): void {
    this.#owner?.onDrain();
  }

  onClose(code: number): void {
    this.#socket = undefined;
    if (this.#owner === undefined) this.#options.onAbandoned?.(this);
    else this.#owner.onSocketClosed(this, code);
  }
}
