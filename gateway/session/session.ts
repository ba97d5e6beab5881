/**
 * One client connection: takes its commands in order, checks what it may do, and answers. Lives
 * from the accepted upgrade to the socket's close.
 */
import { isInternal } from '../error-response.ts';
import { GatewayError } from '../errors.ts';
import type { Limits } from '../limits.ts';
import { closeCodes, type CloseCode } from '../protocol/close-codes.ts';
import { ProtocolError, type Codec } from '../protocol/codec.ts';
import type {
  ClientId64,
  Command,
  GapNotice,
  Invoke,
  Message,
  OwnDestination,
  Payload,
  Reply,
  ReplyError,
  SendEvent,
  SendToGroup,
  StreamPosition,
} from '../protocol/model.ts';
import type { Permissions } from '../protocol/permissions.ts';
import type { LocalSubscribers, Publisher, Subscriber, SubscriberOwner } from '../router/ports.ts';
import type { Socket, SocketHandler } from '../transport/transport.ts';
import { AckLedger } from './ack-ledger.ts';
import { EarlyFrames } from './early-frames.ts';
import { GroupChanges } from './group-changes.ts';
import type { EventHandlers } from './event-handlers.ts';
import { GroupStreams, type StreamSweep } from './group-streams.ts';
import { Invocations } from './invocations.ts';
import { replyErrorOf } from './reply-error.ts';
import { count, type SessionCounters } from './session-counters.ts';

/** What all sessions of a node share. */
export interface SessionServices {
  readonly publisher: Publisher;
  readonly subscribers: LocalSubscribers;
  readonly events: EventHandlers;
  readonly streamSweep: StreamSweep;
  readonly limits: Limits;
  readonly counters: SessionCounters;
  /** Is told every error that is a fault of the gateway itself. Must not throw. */
  readonly onError: (error: unknown) => void;
}

/** Who is speaking, as the handshake found out. */
export interface SessionIdentity {
  readonly hub: string;
  readonly connectionId: string;
  readonly userId: string | undefined;
  /** Groups to be a member of from the start. */
  readonly groups: readonly string[];
  readonly permissions: Permissions;
  readonly codec: Codec;
}

const noGroups: readonly string[] = [];

export class Session implements SocketHandler, SubscriberOwner {
  readonly hub: string;
  readonly connectionId: string;
  readonly userId: string | undefined;
  permissions: Permissions;
  readonly #codec: Codec;
  readonly #services: SessionServices;
  #initialGroups: readonly string[];
  #subscriber: Subscriber | undefined;
  /** Frames that came before the broker confirmed the connection's interest. */
  #early: EarlyFrames | undefined;
  #isClosing = false;
  // The rest is made when it is first needed: most connections only listen.
  #acks: AckLedger | undefined;
  /** Operations without an ackId that are running. */
  #silentRunning = 0;
  #groupChanges: GroupChanges | undefined;
  #streams: GroupStreams | undefined;
  #invocations: Invocations | undefined;

  constructor(identity: SessionIdentity, services: SessionServices) {
    this.hub = identity.hub;
    this.connectionId = identity.connectionId;
    this.userId = identity.userId;
    this.permissions = identity.permissions;
    this.#codec = identity.codec;
    this.#initialGroups = identity.groups;
    this.#services = services;
  }

  onOpen(socket: Socket): void {
    const { counters, limits, subscribers } = this.#services;
    counters.opened += 1;
    counters.open += 1;
    this.#early = new EarlyFrames(limits.frameBytesMax);
    const { connectionId, hub, userId } = this;
    const codec = this.#codec;
    const subscriber = subscribers.attach({
      hub,
      connectionId,
      userId,
      codec,
      socket,
      owner: this,
    });
    this.#subscriber = subscriber;
    subscribers
      .enter(subscriber, this.#initialGroups)
      .then(() => this.#onEntered())
      .catch((error: unknown) => this.#fail(error));
    this.#initialGroups = noGroups;
  }

  onFrame(bytes: Uint8Array, isBinary: boolean): void {
    if (this.#isClosing) return;
    if (this.#early !== undefined && !this.#early.take(bytes, isBinary)) {
      this.close(
        closeCodes.policyViolation,
        'Too much was sent before the connection was ready; wait for system/connected',
      );
    }
    if (this.#early === undefined) this.#decode(bytes, isBinary);
  }

  onOversize(bytes: number): void {
    const { frameBytesMax } = this.#services.limits;
    this.close(
      closeCodes.messageTooBig,
      `A frame of ${bytes} bytes is over the ${frameBytesMax} that frameBytesMax allows; send less`,
    );
  }

  onDrain(): void {
    this.#subscriber?.onDrain();
  }

  onClose(): void {
    this.#isClosing = true;
    this.#services.counters.open -= 1;
    this.#streams?.cancelAll();
    if (this.#subscriber !== undefined) this.#services.subscribers.detach(this.#subscriber);
  }

  close(code: CloseCode, reason: string): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    count(this.#services.counters.closes, code);
    this.#reply({ kind: 'disconnected', reason });
    this.#subscriber?.socket.end(code, reason);
  }

  onGap(notice: GapNotice): void {
    if (!this.#isClosing) this.#reply(notice);
  }

  onBookmark(to: OwnDestination, position: StreamPosition): void {
    if (!this.#isClosing) this.#reply({ kind: 'bookmark', to, position });
  }

  #onEntered(): void {
    if (this.#isClosing) return;
    this.#reply({
      kind: 'connected',
      connectionId: this.connectionId,
      userId: this.userId,
      reconnectionToken: undefined,
    });
    const early = this.#early;
    this.#early = undefined;
    early?.replay((bytes, isBinary) => this.onFrame(bytes, isBinary));
  }

  /** For errors of what nobody waits for: neither the transport nor an operation. */
  #fail(error: unknown): void {
    if (isInternal(error)) this.#services.onError(error);
    this.close(closeCodes.internalError, messageOf(error));
  }

  #decode(bytes: Uint8Array, isBinary: boolean): void {
    try {
      this.#codec.decode(bytes, isBinary, (command) => this.#handle(command));
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.close(error.closeCode, error.message);
    }
  }

  #handle(command: Command): void {
    if (this.#isClosing) return;
    this.#services.counters.commands[command.kind] += 1;
    switch (command.kind) {
      case 'joinGroup':
      case 'leaveGroup':
        return this.#perform(command.ackId, () => this.#changeGroup(command.kind, command.group));
      case 'sendToGroup':
        return this.#perform(command.ackId, () => this.#sendToGroup(command));
      case 'event':
        return this.#perform(command.ackId, () => this.#event(command));
      case 'invoke':
        return this.#invoke(command);
      case 'cancelInvocation':
        return this.#invocations?.cancel(command.invocationId);
      case 'streamStart':
        return this.#openStreams().start(command);
      case 'streamData':
        return this.#openStreams().data(command);
      case 'streamEnd':
        return this.#openStreams().end(command);
      case 'ping':
        return this.#reply({ kind: 'pong' });
      case 'resume':
      case 'history':
      case 'refreshToken':
        // No subprotocol has these yet.
        return undefined;
      case 'sequenceAck':
        // Only reliable subprotocols number messages; the others ignore it (Azure §3.1).
        return undefined;
    }
  }

  /** Executes an operation once per ackId, and answers when the client asked for an answer. */
  #perform(ackId: ClientId64 | undefined, operation: () => Promise<void>): void {
    if (ackId === undefined ? !this.#beginSilently() : !this.#begin(ackId)) return;
    operation().then(
      () => this.#finish(ackId, undefined),
      (error: unknown) => this.#finish(ackId, replyErrorOf(error)),
    );
  }

  /** False: too many run already. Nobody is told, but it is counted. */
  #beginSilently(): boolean {
    const { counters, limits } = this.#services;
    const isRefused = this.#silentRunning >= limits.pendingAcksMax;
    if (isRefused) counters.silentFailures += 1;
    else this.#silentRunning += 1;
    return !isRefused;
  }

  /** False: the operation is not to be executed; what there is to say was said. */
  #begin(ackId: ClientId64): boolean {
    const { ackHistoryMax, pendingAcksMax } = this.#services.limits;
    this.#acks ??= new AckLedger(ackHistoryMax, pendingAcksMax);
    const verdict = this.#acks.begin(ackId);
    if (verdict === 'duplicate') this.#ack(ackId, duplicateError(ackId));
    if (verdict === 'full') {
      this.#ack(ackId, {
        name: 'InternalServerError',
        message: `${pendingAcksMax} operations of this connection are waiting, the most that pendingAcksMax allows; wait for their acks`,
      });
    }
    return verdict === 'new';
  }

  #finish(ackId: ClientId64 | undefined, error: ReplyError | undefined): void {
    if (ackId === undefined) {
      this.#silentRunning -= 1;
      if (error !== undefined) this.#services.counters.silentFailures += 1;
      return;
    }
    const repeats = this.#acks?.end(ackId, error === undefined) ?? 0;
    this.#ack(ackId, error);
    for (let index = 0; index < repeats; index += 1) {
      this.#ack(ackId, error ?? duplicateError(ackId));
    }
  }

  async #changeGroup(change: 'joinGroup' | 'leaveGroup', group: string): Promise<void> {
    this.#require('joinLeaveGroup', group);
    const { subscribers } = this.#services;
    const subscriber = this.#subscriber;
    if (subscriber === undefined) return;
    this.#groupChanges ??= new GroupChanges();
    await this.#groupChanges.run(group, async () => {
      if (change === 'joinGroup') await subscribers.join(subscriber, group);
      else subscribers.leave(subscriber, group);
    });
  }

  async #sendToGroup(command: SendToGroup): Promise<void> {
    try {
      this.#require('sendToGroup', command.group);
    } catch (error) {
      // A client without a subprotocol cannot be told otherwise.
      if (this.#isSimple) this.close(closeCodes.policyViolation, messageOf(error));
      throw error;
    }
    let { payload } = command;
    const change = this.#groupChanges?.pending(command.group);
    if (change !== undefined) {
      // Who joins and sends without waiting for the ack gets its own message, too.
      payload = { ...payload, bytes: new Uint8Array(payload.bytes) };
      await change.catch(() => undefined);
    }
    await this.#services.publisher.publish({
      hub: this.hub,
      to: { kind: 'group', name: command.group },
      payload,
      metadata: command.metadata,
      sender: { connectionId: this.connectionId, userId: this.userId },
      noEcho: command.noEcho,
      ttlSeconds: command.ttlSeconds,
    });
  }

  async #event(command: SendEvent | Invoke): Promise<void> {
    try {
      const message = await this.#callHandler(command);
      if (message !== undefined) this.#tell(message);
    } catch (error) {
      if (this.#isSimple) this.close(closeCodes.internalError, messageOf(error));
      throw error;
    }
  }

  #callHandler(command: SendEvent | Invoke): Promise<Payload | undefined> {
    return this.#services.events.handle({
      hub: this.hub,
      connectionId: this.connectionId,
      userId: this.userId,
      event: command.event,
      payload: command.payload,
      metadata: command.kind === 'event' ? command.metadata : undefined,
    });
  }

  #invoke(command: Invoke): void {
    this.#invocations ??= new Invocations(this.#services.limits.pendingAcksMax, (reply) =>
      this.#reply(reply),
    );
    this.#invocations.run(command.invocationId, () => this.#callHandler(command));
  }

  #openStreams(): GroupStreams {
    this.#streams ??= new GroupStreams({
      publisher: this.#services.publisher,
      sweep: this.#services.streamSweep,
      openMax: this.#services.limits.streamsPerConnectionMax,
      hub: this.hub,
      sender: { connectionId: this.connectionId, userId: this.userId },
      maySend: (group) => this.permissions.allows('sendToGroup', group),
      reply: (reply) => this.#reply(reply),
    });
    return this.#streams;
  }

  #require(kind: 'joinLeaveGroup' | 'sendToGroup', group: string): void {
    if (this.permissions.allows(kind, group)) return;
    throw new GatewayError(
      'forbidden',
      `The connection has no permission ${kind} for group '${group}'; its token needs the role webpubsub.${kind} or webpubsub.${kind}.${group}`,
    );
  }

  #ack(ackId: ClientId64, error: ReplyError | undefined): void {
    const { counters } = this.#services;
    if (error === undefined) counters.acksSucceeded += 1;
    else if (error.name === 'Duplicate') counters.acksDuplicate += 1;
    else counters.acksFailed += 1;
    this.#reply({ kind: 'ack', ackId, error });
  }

  #reply(reply: Reply): void {
    const frame = this.#codec.encoder.encodeReply(reply);
    if (frame !== undefined) this.#subscriber?.sendReply(frame);
  }

  /** A message of the server for this connection alone. */
  #tell(payload: Payload): void {
    const message: Message = {
      from: 'server',
      kind: 'connection',
      group: undefined,
      fromUserId: undefined,
      payload,
      metadata: undefined,
      stream: undefined,
    };
    this.#subscriber?.sendReply(this.#codec.encoder.encodeMessage(message));
  }

  get #isSimple(): boolean {
    return this.#codec.subprotocol === undefined;
  }
}

function duplicateError(ackId: ClientId64): ReplyError {
  return { name: 'Duplicate', message: `Message with ack-id: ${ackId} has been processed` };
}

function messageOf(error: unknown): string {
  return replyErrorOf(error).message;
}
