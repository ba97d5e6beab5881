/**
 * One client connection: takes its commands in order, checks what it may do, and answers. Lives
 * from the accepted upgrade to the socket's close.
 */
import { isInternal } from '../error-response.ts';
import { closeCodes, type CloseCode } from '../protocol/close-codes.ts';
import { ProtocolError, type Codec, type Frame } from '../protocol/codec.ts';
import type {
  ClientId64,
  Command,
  GapNotice,
  GoAway,
  OwnDestination,
  Reply,
  SendEvent,
  SendToGroup,
  StreamPosition,
} from '../protocol/model.ts';
import type { Permissions } from '../protocol/permissions.ts';
import type { Entered, Subscriber, SubscriberOptions, SubscriberOwner } from '../router/ports.ts';
import type { LeaveKind } from '../protocol/presence-model.ts';
import type { Socket, SocketHandler } from '../transport/transport.ts';
import type { AckHistory } from './ack-ledger.ts';
import { EarlyFrames } from './early-frames.ts';
import { EventCommands } from './event-commands.ts';
import { GroupCommands } from './group-commands.ts';
import { GroupStreams } from './group-streams.ts';
import { leaveKindOf, vanishedCode } from './leave-kind.ts';
import { NativeLife } from './native-life.ts';
import { Operations, type Succeed } from './operations.ts';
import { PresenceCommands } from './presence-commands.ts';
import { replyErrorOf } from './reply-error.ts';
import { requirePermission } from './require-permission.ts';
import { RetainedCommands } from './retained-commands.ts';
import { count } from './session-counters.ts';
import type {
  Connection,
  Reliability,
  SessionIdentity,
  SessionServices,
} from './session-services.ts';

const noGroups: readonly string[] = [];

export class Session implements SocketHandler, SubscriberOwner, Connection {
  readonly hub: string;
  readonly connectionId: string;
  readonly userId: string | undefined;
  permissions: Permissions;
  readonly #codec: Codec;
  readonly #services: SessionServices;
  readonly #expiresAt: number;
  readonly #reliability: Reliability | undefined;
  #initialGroups: readonly string[];
  #subscriber: Subscriber | undefined;
  /** Frames that came before the broker confirmed the connection's interest. */
  #early: EarlyFrames | undefined;
  #isClosing = false;
  // The rest is made when it is first needed: most connections only listen.
  #native: NativeLife | undefined;
  #operations: Operations | undefined;
  #groups: GroupCommands | undefined;
  #retained: RetainedCommands | undefined;
  #presence: PresenceCommands | undefined;
  #streams: GroupStreams | undefined;
  #events: EventCommands | undefined;

  constructor(identity: SessionIdentity, services: SessionServices) {
    this.hub = identity.hub;
    this.connectionId = identity.connectionId;
    this.userId = identity.userId;
    this.permissions = identity.permissions;
    this.#codec = identity.codec;
    this.#expiresAt = identity.expiresAt;
    this.#initialGroups = identity.groups;
    this.#services = services;
    this.#reliability = identity.reliability;
  }

  onOpen(socket: Socket): void {
    const { counters, limits, subscribers } = this.#services;
    counters.opened += 1;
    counters.open += 1;
    this.#early = new EarlyFrames(limits.frameBytesMax);
    const subscriber = subscribers.attach(this.#subscriberOptions(socket));
    this.#subscriber = subscriber;
    subscribers
      .enter(subscriber, this.#initialGroups)
      .then((streams) => this.#onEntered(streams))
      .catch((error: unknown) => this.#fail(error));
    this.#initialGroups = noGroups;
  }

  /** Instead of `onOpen`: goes on with a connection that another node has served. */
  goOn(
    socket: Socket,
    attach: (options: SubscriberOptions) => Subscriber,
    acks: AckHistory | undefined,
  ): void {
    const { counters } = this.#services;
    counters.opened += 1;
    counters.open += 1;
    this.#operations = this.#newOperations(acks);
    this.#subscriber = attach(this.#subscriberOptions(socket));
  }

  /** undefined: not open yet. */
  get subscriber(): Subscriber | undefined {
    return this.#subscriber;
  }

  /** True: no operation of the client runs. */
  get isIdle(): boolean {
    return this.#operations?.isIdle !== false;
  }

  /** Which operations are done. */
  get acks(): AckHistory | undefined {
    return this.#operations?.history();
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
    this.#retained?.onDrain();
  }

  onClose(code: number = vanishedCode): void {
    this.end(leaveKindOf(code));
  }

  /** The connection is over. @param how whether its client may come back. */
  end(how: LeaveKind): void {
    this.#isClosing = true;
    this.#native?.end();
    this.#services.counters.open -= 1;
    this.#streams?.cancelAll();
    this.#presence?.end();
    if (this.#subscriber !== undefined) this.#services.subscribers.detach(this.#subscriber, how);
  }

  close(code: CloseCode, reason: string): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#native?.end();
    count(this.#services.counters.closes, code);
    const frame = this.#codec.encoder.encodeReply({ kind: 'disconnected', reason });
    if (frame !== undefined) this.#subscriber?.sendReply(frame);
    this.#subscriber?.socket.end(code, reason);
  }

  onGoAway(notice: GoAway): boolean {
    const frame = this.#codec.encoder.encodeReply(notice);
    if (frame !== undefined) this.#send(frame);
    return frame !== undefined;
  }

  depart(reason: string): void {
    if (this.#reliability === undefined) return this.close(closeCodes.goingAway, reason);
    if (this.#isClosing) return undefined;
    count(this.#services.counters.closes, closeCodes.goingAway);
    return this.#reliability.release(reason);
  }

  /** What it watches; the client may have missed something of it. */
  get presence(): PresenceCommands | undefined {
    return this.#openPresence();
  }

  onGap(notice: GapNotice): void {
    this.#reply(notice);
  }

  onBookmark(to: OwnDestination, position: StreamPosition): void {
    this.#reply({ kind: 'bookmark', to, position });
  }

  #onEntered(streams: readonly Entered[]): void {
    if (this.#isClosing) return;
    this.#reply({
      kind: 'connected',
      connectionId: this.connectionId,
      userId: this.userId,
      reconnectionToken: this.#reliability?.reconnectionToken(),
      greeting: this.#openNative()?.begin(streams),
    });
    const early = this.#early;
    this.#early = undefined;
    early?.replay((bytes, isBinary) => this.onFrame(bytes, isBinary));
  }

  #openNative(): NativeLife | undefined {
    const subscriber = this.#subscriber;
    if (subscriber === undefined || this.#codec.isNative !== true) return undefined;
    this.#native ??= new NativeLife({
      session: this,
      subscriber,
      services: this.#services,
      expiresAt: this.#expiresAt,
    });
    return this.#native;
  }

  /** For errors of what nobody waits for. */
  #fail(error: unknown): void {
    if (isInternal(error)) this.#services.onError(error);
    this.close(closeCodes.internalError, textOf(error));
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
        return this.#perform(command.ackId, async (succeed) =>
          this.#openGroups()?.change(command, succeed),
        );
      case 'sendToGroup':
        return this.#perform(command.ackId, (succeed) => this.#sendToGroup(command, succeed));
      case 'resume':
        return this.#perform(command.ackId, async (succeed) =>
          this.#openRetained()?.resume(command, succeed),
        );
      case 'history':
        return this.#openOperations().read(command.ackId, async () =>
          this.#openRetained()?.history(command),
        );
      case 'watchPresence':
      case 'unwatchPresence':
      case 'setState':
        return this.#perform(command.ackId, async (succeed) =>
          this.#openPresence()?.execute(command, succeed),
        );
      case 'event':
        return this.#perform(command.ackId, () => this.#event(command));
      case 'invoke':
        return this.#openEvents().invoke(command);
      case 'cancelInvocation':
        return this.#events?.cancel(command);
      case 'streamStart':
      case 'streamData':
      case 'streamEnd':
        return this.#openStreams().execute(command);
      case 'ping':
        return this.#reply({ kind: 'pong' });
      case 'refreshToken':
        return this.#perform(command.ackId, async () => this.#native?.refresh(command.token));
      case 'sequenceAck':
        // Only reliable subprotocols number messages; the others ignore it (Azure §3.1).
        return this.#reliability?.acknowledge(command.sequenceId);
    }
  }

  #perform(ackId: ClientId64 | undefined, operation: (succeed: Succeed) => Promise<void>): void {
    this.#openOperations().perform(ackId, operation);
  }

  #openOperations(): Operations {
    this.#operations ??= this.#newOperations(undefined);
    return this.#operations;
  }

  #newOperations(acks: AckHistory | undefined): Operations {
    const { counters, limits, onError } = this.#services;
    const reply = (frame: Reply): void => this.#reply(frame);
    return new Operations({ limits, counters, onError, reply }, acks);
  }

  #subscriberOptions(socket: Socket): SubscriberOptions {
    const { connectionId, hub, userId } = this;
    return { hub, connectionId, userId, codec: this.#codec, socket, owner: this };
  }

  async #sendToGroup(command: SendToGroup, succeed: Succeed): Promise<void> {
    try {
      requirePermission(this, 'sendToGroup', command.group);
    } catch (error) {
      // A client without a subprotocol cannot be told otherwise.
      if (this.#isSimple) this.close(closeCodes.policyViolation, textOf(error));
      throw error;
    }
    await this.#openGroups()?.send(command, succeed);
  }

  #openGroups(): GroupCommands | undefined {
    const subscriber = this.#subscriber;
    if (subscriber === undefined) return undefined;
    this.#groups ??= new GroupCommands({ connection: this, subscriber, services: this.#services });
    return this.#groups;
  }

  #openPresence(): PresenceCommands | undefined {
    const subscriber = this.#subscriber;
    if (subscriber === undefined) return undefined;
    this.#presence ??= new PresenceCommands({
      connection: this,
      subscriber,
      services: this.#services,
      changesOf: async (group) => this.#groups?.settled(group),
    });
    return this.#presence;
  }

  #openRetained(): RetainedCommands | undefined {
    const subscriber = this.#subscriber;
    if (subscriber === undefined) return undefined;
    this.#retained ??= new RetainedCommands({
      connection: this,
      subscriber,
      services: this.#services,
      send: (frame) => this.#send(frame),
    });
    return this.#retained;
  }

  async #event(command: SendEvent): Promise<void> {
    try {
      await this.#openEvents().event(command);
    } catch (error) {
      if (this.#isSimple) this.close(closeCodes.internalError, textOf(error));
      throw error;
    }
  }

  #openEvents(): EventCommands {
    this.#events ??= new EventCommands({
      connection: this,
      services: this.#services,
      reply: (reply) => this.#reply(reply),
      encoder: this.#codec.encoder,
      deliver: async (frame) => this.#reliability?.deliver(frame) ?? this.#send(frame),
    });
    return this.#events;
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

  #reply(reply: Reply): void {
    if (this.#isClosing) return;
    const frame = this.#codec.encoder.encodeReply(reply);
    if (frame !== undefined) this.#send(frame);
  }

  /** Nothing follows `disconnected`: what an operation has to say after it is not said. */
  #send(frame: Frame): void {
    if (!this.#isClosing) this.#subscriber?.sendReply(frame);
  }

  get #isSimple(): boolean {
    return this.#codec.subprotocol === undefined;
  }
}

function textOf(error: unknown): string {
  return replyErrorOf(error).message;
}
