/**
 * One reliable connection: a session whose client may lose its socket and come back with another.
 * Meanwhile the connection stays what it is, a member of everything, and numbers what comes.
 */
import { closeCodes } from '../../protocol/close-codes.ts';
import type { Codec, Frame } from '../../protocol/codec.ts';
import type { CloseCode } from '../../protocol/close-codes.ts';
import type { ClientId64 } from '../../protocol/model.ts';
import type { PresenceDestination } from '../../protocol/presence-model.ts';
import type { Addressed, Cut, Subscriber, SubscriberOptions } from '../../router/ports.ts';
import type { LeaveKind } from '../../protocol/presence-model.ts';
import type { AckHistory } from '../ack-ledger.ts';
import { leaveKindOf } from '../leave-kind.ts';
import type { Reliability, SessionIdentity, SessionServices } from '../session-services.ts';
import { Session } from '../session.ts';
import type { Attachment, AttachmentOwner } from './attachment.ts';
import type { KeptFrames } from './kept-frames.ts';
import { Outbox } from './outbox.ts';
import { Outlet } from './outlet.ts';
import type { MessageHolder } from './room.ts';
import type { ReliableCounters } from './reliable-counters.ts';
import type { ConnectionState } from './take-over/connection-state.ts';

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

export class ReliableSession implements AttachmentOwner, Reliability, MessageHolder {
  readonly identity: SessionIdentity;
  /** Counts the nodes that have served the connection, this one included. */
  readonly term: number;
  /** Where the node before this one has stopped; empty for the first. */
  readonly earlierCuts: readonly Cut[];
  readonly #host: ReliableHost;
  readonly #outbox: Outbox;
  readonly #outlet: Outlet;
  readonly #session: Session;
  #attachment: Attachment | undefined;
  /** The client has a token, so it can come back. */
  #canResume: boolean;
  #isOver = false;
  #closedBecause: string | undefined;
  /** What runs and must not be interrupted by a change of the node. */
  #settling = 0;

  /** @param state of the connection on another node; then call `goOn` instead of `begin`. */
  constructor(identity: SessionIdentity, host: ReliableHost, state?: ConnectionState) {
    const { limits } = host.services;
    this.identity = identity;
    this.term = state === undefined ? 1 : state.term + 1;
    this.earlierCuts = state?.cuts ?? [];
    this.#canResume = state !== undefined;
    this.#host = host;
    const bounds = {
      frames: host.frames,
      messagesMax: limits.reliableQueueMessagesMax,
      bytesMax: limits.reliableQueueBytesMax,
    };
    this.#outbox = new Outbox(bounds, state?.firstSequenceId);
    // Where this node allows less than the other one, the connection ends with its next message.
    for (const frame of state?.frames ?? []) this.#outbox.append(frame);
    this.#outlet = new Outlet({
      outbox: this.#outbox,
      number: numberingOf(identity.codec),
      onOverflow: () => this.#onOverflow(),
      onEnd: (code, reason) => {
        if (code === closeCodes.normal) this.#closedBecause = reason;
        // As a socket does it: whoever ends the connection hears of it after the call.
        queueMicrotask(() => this.finish(code === undefined ? 'lost' : leaveKindOf(code)));
      },
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

  /** Goes on where another node has stopped; the client is away until `resume`. */
  goOn(attach: (options: SubscriberOptions) => Subscriber, state: ConnectionState): void {
    this.#session.goOn(this.#outlet, attach, state.acks);
    this.#host.services.counters.open -= 1;
  }

  /** What another node needs to go on. The caller knows that the connection is settled. */
  state(cuts: readonly Cut[]): ConnectionState {
    const { codec, connectionId, expiresAt, hub, userId } = this.identity;
    const frames = [];
    for (let id = this.#outbox.first; id < this.#outbox.next; id += 1) {
      const frame = this.#outbox.at(id);
      if (frame !== undefined) frames.push({ bytes: frame.bytes, isBinary: frame.isBinary });
    }
    return {
      hub,
      connectionId,
      userId,
      subprotocol: codec.subprotocol ?? '',
      roles: [...this.roles()],
      expiresAt: Number.isFinite(expiresAt) ? expiresAt : undefined,
      term: this.term,
      acks: ackState(this.#session.acks),
      firstSequenceId: this.#outbox.first,
      frames,
      cuts,
      watched: [...(this.#session.presence?.watched() ?? [])],
    };
  }

  /** undefined: it is not open yet. */
  get subscriber(): Subscriber | undefined {
    return this.#session.subscriber;
  }

  /** True: nothing runs that the node must end before another one can go on. */
  get isSettled(): boolean {
    return this.#canResume && this.#settling === 0 && this.#session.isIdle;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Why the server API has closed it; undefined: it has not. */
  get closedBecause(): string | undefined {
    return this.#closedBecause;
  }

  /** It is not settled until this has ended. */
  async settling(work: () => Promise<void>): Promise<void> {
    this.#settling += 1;
    try {
      await work();
    } finally {
      this.#settling -= 1;
    }
  }

  /** Watches what it has watched on another node. */
  watchAgain(watched: readonly PresenceDestination[]): void {
    this.#session.presence?.watchAgain(watched);
  }

  /** What it is a member of. */
  destinations(): Addressed[] {
    const { subscriber } = this;
    if (subscriber === undefined) return [];
    const { userId } = this.identity;
    const own: Addressed[] = userId === undefined ? [] : [{ kind: 'user', name: userId }];
    const groups = Array.from(
      subscriber.groupNames(),
      (name) => ({ kind: 'group', name }) as const,
    );
    return [{ kind: 'all' }, ...own, ...groups];
  }

  roles(): readonly string[] {
    return this.#session.permissions.roles();
  }

  setRoles(roles: readonly string[]): void {
    this.#session.permissions = this.#host.services.permissionsFor(roles);
  }

  close(code: CloseCode, reason: string): void {
    this.#session.close(code, reason);
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
    // What was told of presence meanwhile went nowhere.
    this.#session.presence?.retell();
  }

  release(reason: string): void {
    this.#attachment?.release(closeCodes.goingAway, reason);
  }

  /**
   * Ends the connection, without a word where the client is away. Idempotent.
   * @param how whether somebody may see the client again.
   */
  finish(how: LeaveKind = 'left'): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { counters } = this.#host.services;
    if (this.#attachment === undefined) counters.open += 1;
    this.#attachment?.end(closeCodes.goingAway, '');
    this.#attachment = undefined;
    this.#outlet.cut();
    this.#session.end(how);
    this.#outbox.clear();
    this.#host.onOver(this);
  }

  heldBytes(): number {
    return this.#outbox.sharedBytes();
  }

  makeRoom(): void {
    const { counters, frames } = this.#host;
    counters.nodeFull += 1;
    this.#fail(
      `reliableBytesPerNodeMax of ${frames.bytesMax} bytes is reached and this client holds much ` +
        'of it; acknowledge faster',
    );
    this.#outbox.clear();
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
    const isFinal = !this.#outlet.isOpen || !this.#canResume || finalCodes.has(code);
    if (isFinal) this.finish(leaveKindOf(code));
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

  deliver(frame: Frame): Promise<void> {
    this.#outlet.write([frame]);
    return this.#outlet.given();
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
    this.#fail(
      `More waits for the client than the ${reliableQueueMessagesMax} messages or ` +
        `${reliableQueueBytesMax} bytes allowed; read and acknowledge faster`,
    );
  }

  #fail(reason: string): void {
    this.#session.close(closeCodes.policyViolation, reason);
    // A session that has just been taken over cannot do it yet.
    this.#outlet.end(closeCodes.policyViolation, reason);
  }
}

function ackState(acks: AckHistory | undefined): ConnectionState['acks'] {
  return acks && { ...acks, scattered: acks.scattered && [...acks.scattered] };
}

/** Whether connections of a codec are resumed and their messages numbered. */
export function isReliable({ encoder }: Codec): boolean {
  return encoder.withSequenceId !== undefined;
}

function numberingOf({ encoder }: Codec): NumberFrame {
  return (frame, sequenceId) => encoder.withSequenceId?.(frame, sequenceId) ?? frame;
}
