/**
 * One reliable connection: a session whose client may lose its socket and come back with another.
 * Meanwhile the connection stays what it is, a member of everything, and numbers what comes.
 */
import { closeCodes } from '../../protocol/close-codes.ts';
import type { Codec, Frame } from '../../protocol/codec.ts';
import type { ClientId64 } from '../../protocol/model.ts';
import type { Reliability, SessionIdentity, SessionServices } from '../session-services.ts';
import { Session } from '../session.ts';
import type { Attachment, AttachmentOwner } from './attachment.ts';
import type { KeptFrames } from './kept-frames.ts';
import { Outbox } from './outbox.ts';
import { Outlet } from './outlet.ts';
import type { ReliableCounters } from './reliable-counters.ts';

/** What a reliable connection needs of its node. */
export interface ReliableHost {
  readonly services: SessionServices;
  readonly frames: KeptFrames;
  readonly counters: ReliableCounters;
  /** A new reconnection token for a connection. */
  readonly tokenFor: (connectionId: string) => string;
  /** The client is away. Call `finish` when it is not waited for any longer. */
  readonly onDetached: (session: ReliableSession) => void;
  /** The connection is over. Called once. */
  readonly onOver: (session: ReliableSession) => void;
}

type NumberFrame = (frame: Frame, sequenceId: number) => Frame;

/** Codes by which a client says good-bye for good (Azure §4). */
const finalCodes: ReadonlySet<number> = new Set([1000, 1005]);

export class ReliableSession implements AttachmentOwner, Reliability {
  readonly identity: SessionIdentity;
  readonly #host: ReliableHost;
  readonly #outbox: Outbox;
  readonly #outlet: Outlet;
  readonly #session: Session;
  #attachment: Attachment | undefined;
  /** The client has a token, so it can come back. */
  #canResume = false;
  #isOver = false;

  constructor(identity: SessionIdentity, host: ReliableHost) {
    const { limits } = host.services;
    this.identity = identity;
    this.#host = host;
    this.#outbox = new Outbox({
      frames: host.frames,
      messagesMax: limits.reliableQueueMessagesMax,
      bytesMax: limits.reliableQueueBytesMax,
    });
    this.#outlet = new Outlet({
      outbox: this.#outbox,
      number: numberingOf(identity.codec),
      onOverflow: () => this.#onOverflow(),
      // As a socket does it: whoever ends the connection hears of it after the call.
      onEnd: () => queueMicrotask(() => this.finish()),
    });
    this.#session = new Session({ ...identity, reliability: this }, host.services);
  }

  /** True while the client has a socket. */
  get isAttached(): boolean {
    return this.#attachment !== undefined;
  }

  /** The first socket of the connection. */
  begin(attachment: Attachment): void {
    this.#attach(attachment);
    this.#session.onOpen(this.#outlet);
    this.#outlet.resend();
    attachment.bind(this);
  }

  /**
   * The client is back with another socket: it is greeted, gets what it has not acknowledged, and
   * then what comes. The socket that it had before is closed.
   */
  resume(attachment: Attachment): void {
    this.#attachment?.end(closeCodes.goingAway, 'The client came back with another connection');
    if (this.#attachment === undefined) this.#host.services.counters.open += 1;
    this.#attach(attachment);
    this.#host.counters.resumed += 1;
    this.#greet();
    this.#outlet.resend();
    attachment.bind(this);
  }

  release(reason: string): void {
    this.#attachment?.release(closeCodes.goingAway, reason);
  }

  /** Ends the connection, without a word where the client is away. Idempotent. */
  finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { counters } = this.#host.services;
    if (this.#attachment === undefined) counters.open += 1;
    this.#attachment?.end(closeCodes.goingAway, '');
    this.#attachment = undefined;
    this.#outlet.cut();
    this.#session.onClose();
    this.#outbox.clear();
    this.#host.onOver(this);
  }

  onFrame(bytes: Uint8Array, isBinary: boolean): void {
    this.#session.onFrame(bytes, isBinary);
  }

  onOversize(bytes: number): void {
    this.#session.onOversize(bytes);
  }

  onDrain(): void {
    this.#outlet.onDrain();
  }

  onSocketClosed(attachment: Attachment, code: number): void {
    // One that another has superseded is nobody's any more.
    if (attachment !== this.#attachment) return;
    this.#attachment = undefined;
    this.#outlet.detach();
    this.#host.services.counters.open -= 1;
    if (!this.#outlet.isOpen || !this.#canResume || finalCodes.has(code)) this.finish();
    else this.#host.onDetached(this);
  }

  reconnectionToken(): string {
    this.#canResume = true;
    return this.#host.tokenFor(this.identity.connectionId);
  }

  acknowledge(sequenceId: ClientId64): void {
    // No connection lives for so long that it has numbers above those of a double.
    this.#outlet.acknowledge(Number(sequenceId));
  }

  deliver(frame: Frame): void {
    this.#outlet.write([frame]);
  }

  #attach(attachment: Attachment): void {
    this.#attachment = attachment;
    if (attachment.socket !== undefined) this.#outlet.attach(attachment.socket);
  }

  #greet(): void {
    const { codec, connectionId, userId } = this.identity;
    const reconnectionToken = this.reconnectionToken();
    const frame = codec.encoder.encodeReply({
      kind: 'connected',
      connectionId,
      userId,
      reconnectionToken,
    });
    if (frame !== undefined) this.#outlet.send(frame);
  }

  #onOverflow(): void {
    const { counters, services } = this.#host;
    counters.overflowed += 1;
    const { reliableQueueBytesMax, reliableQueueMessagesMax } = services.limits;
    this.#session.close(
      closeCodes.policyViolation,
      `More waits for the client than the ${reliableQueueMessagesMax} messages or ` +
        `${reliableQueueBytesMax} bytes allowed; read and acknowledge faster`,
    );
  }
}

/** Whether connections of a codec are resumed and their messages numbered. */
export function isReliable({ encoder }: Codec): boolean {
  return encoder.withSequenceId !== undefined;
}

function numberingOf({ encoder }: Codec): NumberFrame {
  return (frame, sequenceId) => encoder.withSequenceId?.(frame, sequenceId) ?? frame;
}
