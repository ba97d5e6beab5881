/** A session over fakes of its ports, which write down what they are asked and wait when told to. */
import { GatewayError } from '../../../../gateway/errors.ts';
import { defaultLimits, type Limits } from '../../../../gateway/limits.ts';
import type { Codec, Frame } from '../../../../gateway/protocol/codec.ts';
import { createCodecs } from '../../../../gateway/protocol/codecs.ts';
import type { Payload } from '../../../../gateway/protocol/model.ts';
import type { Permissions } from '../../../../gateway/protocol/permissions.ts';
import { PermissionsTable } from '../../../../gateway/protocol/roles.ts';
import type {
  Entered,
  Joined,
  JoinOptions,
  LocalSubscribers,
  Publication,
  Published,
  Publisher,
  Streams,
  Subscriber,
  SubscriberOptions,
} from '../../../../gateway/router/ports.ts';
import type { History, HistoryQuery } from '../../../../gateway/router/stream-ports.ts';
import type { ClientEvent, EventHandlers } from '../../../../gateway/session/event-handlers.ts';
import { noEventHandlers } from '../../../../gateway/session/event-handlers.ts';
import { StreamSweep } from '../../../../gateway/session/group-streams.ts';
import { Heartbeats } from '../../../../gateway/session/heartbeats.ts';
import { ReliableSessions } from '../../../../gateway/session/reliable/reliable-sessions.ts';
import { Session } from '../../../../gateway/session/session.ts';
import { newSessionCounters } from '../../../../gateway/session/session-counters.ts';
import type { SessionServices } from '../../../../gateway/session/session-services.ts';
import { TokenExpiry } from '../../../../gateway/session/token-expiry.ts';
import { ReconnectionTokens } from '../../../../gateway/tokens/reconnection-tokens.ts';
import type { ClientIdentity } from '../../../../gateway/tokens/verify.ts';
import type { Socket } from '../../../../gateway/transport/transport.ts';
import { FakePresence } from './fake-presence.ts';

export const limits: Limits = { ...defaultLimits, nameLengthMax: 32 };
export const codecs = createCodecs(limits);
export const allRoles = ['webpubsub.joinLeaveGroup', 'webpubsub.sendToGroup'];

/** A promise that the test settles. */
export interface Gate {
  open(): void;
  fail(error: Error): void;
}

/** Calls pass at once while it is not closed; later they wait, each for its own gate. */
export class Turnstile {
  isClosed = false;
  readonly gates: Gate[] = [];

  pass(): Promise<void> {
    if (!this.isClosed) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.gates.push({ open: resolve, fail: reject });
    });
  }
}

/** Promises of the fakes are settled after this many turns of the microtask queue. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}

/** Like the real one, it takes nothing after its end. */
export class FakeSocket implements Socket {
  isOpen = true;
  buffered = 0;
  /** Text frames parsed, binary ones as they are. */
  readonly frames: unknown[] = [];
  readonly ends: { readonly code: number; readonly reason: string }[] = [];

  send(frame: Frame): 'sent' | 'dropped' {
    if (!this.isOpen) return 'dropped';
    const bytes = Buffer.from(frame.bytes);
    this.frames.push(frame.isBinary ? bytes : parsed(bytes.toString()));
    return 'sent';
  }

  write(): number {
    throw new Error('sessions do not fan out');
  }

  bufferedBytes(): number {
    return this.buffered;
  }

  end(code: number, reason: string): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.ends.push({ code, reason });
  }

  cut(): void {
    this.isOpen = false;
  }
}

export class FakeSubscribers implements LocalSubscribers {
  readonly entering = new Turnstile();
  readonly joining = new Turnstile();
  /** `attach`, `enter g1,g2`, `join g`, `leave g`, `detach` when they happened. */
  readonly log: string[] = [];
  drains = 0;
  joinError: GatewayError | undefined;
  /** What joins and resumes come to; undefined: the destination is no stream. */
  joined: Joined | undefined;
  /** Runs when the session was told of a join: messages would follow. */
  onJoinedReturn: () => void = () => undefined;
  /** Where the streams stand that are entered. */
  entered: readonly Entered[] = [];
  /** The groups of every connection. */
  groups: readonly string[] = [];

  attach(options: SubscriberOptions): Subscriber {
    this.log.push(`attach ${options.hub} ${options.connectionId} ${options.userId ?? '-'}`);
    const { codec, connectionId, hub, socket, userId } = options;
    return {
      connectionId,
      hub,
      userId,
      codec,
      socket,
      subprotocol: codec.subprotocol,
      sendReply: (frame) => {
        socket.send(frame);
      },
      onDrain: () => {
        this.drains += 1;
      },
      groupNames: () => this.groups,
      groupCount: () => this.groups.length,
      isInGroup: (name) => this.groups.includes(name),
    };
  }

  async enter(_subscriber: Subscriber, groups: readonly string[]): Promise<readonly Entered[]> {
    await this.entering.pass();
    this.log.push(`enter ${groups.join(',')}`);
    return this.entered;
  }

  detach(): void {
    this.log.push('detach');
  }

  join(_subscriber: Subscriber, group: string, options: JoinOptions = {}): Promise<void> {
    return this.#join(`join ${group}`, options);
  }

  resume(_subscriber: Subscriber, to: 'user' | 'all', options: JoinOptions): Promise<void> {
    return this.#join(`resume ${to}`, options);
  }

  async #join(what: string, { onJoined, since }: JoinOptions): Promise<void> {
    await this.joining.pass();
    if (this.joinError !== undefined) throw this.joinError;
    this.log.push(since === undefined ? what : `${what} since ${since.offset}`);
    if (this.joined === undefined) return;
    onJoined?.(this.joined);
    this.onJoinedReturn();
  }

  leave(_subscriber: Subscriber, group: string): void {
    this.log.push(`leave ${group}`);
  }
}

/** Has one history for everybody. */
export class FakeStreams implements Pick<Streams, 'history'> {
  readonly reading = new Turnstile();
  readonly queries: { readonly hub: string; readonly to: object; readonly query: HistoryQuery }[] =
    [];
  answer: History | GatewayError = new GatewayError('not-a-stream', 'It is no stream');

  async history(hub: string, to: object, query: HistoryQuery): Promise<History> {
    this.queries.push({ hub, to, query });
    await this.reading.pass();
    if (this.answer instanceof Error) throw this.answer;
    return this.answer;
  }
}

export class FakePublisher implements Publisher {
  readonly publishing = new Turnstile();
  /** In order of the calls; payloads are copied, as the port says. */
  readonly publications: Publication[] = [];
  /** What becomes of each, beside its id. */
  outcome: Omit<Published, 'id'> = { position: undefined, isDuplicate: false };

  async publish(publication: Publication): Promise<Published> {
    const { dataType, bytes } = publication.payload;
    const payload = { dataType, bytes: Buffer.from(bytes) };
    this.publications.push({ ...publication, payload });
    await this.publishing.pass();
    return { id: publication.id ?? 'p', ...this.outcome };
  }

  /** Payloads as text. */
  get texts(): string[] {
    return this.publications.map(({ payload }) => Buffer.from(payload.bytes).toString());
  }
}

export class FakeEvents implements EventHandlers {
  readonly events: (Omit<ClientEvent, 'payload'> & { readonly text: string })[] = [];
  answer: (event: ClientEvent) => Promise<Payload | undefined> = (event) =>
    noEventHandlers.handle(event);

  handle(event: ClientEvent): Promise<Payload | undefined> {
    const { payload, ...others } = event;
    this.events.push({ ...others, text: Buffer.from(payload.bytes).toString() });
    return this.answer(event);
  }
}

/** Moves by hand. */
export class FakeClock {
  nowMs = 1000;
  /** Seconds since 1970 when `nowMs` was 0; a clock may be set. */
  wallAtStart = 1_700_000_000;
  readonly #callbacks = new Set<() => void>();

  monotonicMs(): number {
    return this.nowMs;
  }

  wallSeconds(): number {
    return this.wallAtStart + this.nowMs / 1000;
  }

  every(_periodMs: number, callback: () => void): () => void {
    this.#callbacks.add(callback);
    return () => this.#callbacks.delete(callback);
  }

  after(delayMs: number, callback: () => void): () => void {
    const dueMs = this.nowMs + delayMs;
    const stop = this.every(delayMs, () => {
      if (this.nowMs < dueMs) return;
      stop();
      callback();
    });
    return stop;
  }

  /** Timers that run. */
  get timers(): number {
    return this.#callbacks.size;
  }

  advance(ms: number): void {
    this.nowMs += ms;
    for (const callback of [...this.#callbacks]) callback();
  }
}

export interface SessionFixtureOptions {
  readonly codec?: Codec;
  readonly roles?: readonly string[];
  readonly userId?: string | undefined;
  readonly groups?: readonly string[];
  readonly expiresAt?: number;
  readonly limits?: Partial<Limits>;
}

export class SessionFixture {
  readonly subscribers = new FakeSubscribers();
  readonly publisher = new FakePublisher();
  readonly streams = new FakeStreams();
  readonly events = new FakeEvents();
  readonly clock = new FakeClock();
  readonly counters = newSessionCounters();
  readonly errors: unknown[] = [];
  readonly socket = new FakeSocket();
  readonly session: Session;
  /** What a token of a refresh says; throws, or waits, as the test wants. */
  verify: (token: string, hub: string) => ClientIdentity | Promise<ClientIdentity> = () => {
    throw new GatewayError('bad-token', 'The token is no good');
  };

  readonly presence = new FakePresence();

  constructor(options: SessionFixtureOptions = {}) {
    const { codec = jsonCodec(), groups = [], roles = allRoles } = options;
    const { expiresAt = Number.POSITIVE_INFINITY } = options;
    this.session = new Session(
      {
        hub: 'chat',
        connectionId: 'node-1',
        userId: 'userId' in options ? options.userId : 'anna',
        groups,
        expiresAt,
        permissions: permissionsOf(roles),
        codec,
      },
      this.services(options.limits),
    );
  }

  services(differences: Partial<Limits> = {}): SessionServices {
    const { clock, counters } = this;
    const { clientHeartbeatMs, tokenGraceMs } = { ...limits, ...differences };
    return {
      publisher: this.publisher,
      subscribers: this.subscribers,
      streams: this.streams,
      presence: this.presence,
      events: this.events,
      streamSweep: new StreamSweep(clock),
      heartbeats: new Heartbeats({ clock, counters, periodMs: clientHeartbeatMs }),
      tokenExpiry: new TokenExpiry({ clock, graceMs: tokenGraceMs }),
      verifyClient: (token, hub) => this.verify(token, hub),
      permissionsFor: permissionsOf,
      limits: { ...limits, ...differences },
      counters,
      onError: (error) => this.errors.push(error),
    };
  }

  reliable(differences: Partial<Limits> = {}): ReliableSessions {
    const { clock } = this;
    const tokens = new ReconnectionTokens({ accessKeys: ['a key of these tests'], clock });
    return new ReliableSessions({
      services: this.services(differences),
      tokens,
      clock,
      codecOf: (name) => codecs.selectSubprotocol([name])?.codec,
    });
  }

  /** Opens the socket and forgets the greeting. */
  async open(): Promise<this> {
    this.session.onOpen(this.socket);
    await settled();
    this.socket.frames.length = 0;
    return this;
  }

  /** One frame, JSON unless it is a text; its bytes are gone afterwards, as uWebSockets.js does. */
  say(frame: object | string | Uint8Array): void {
    const text = typeof frame === 'string' ? frame : JSON.stringify(frame);
    const bytes = frame instanceof Uint8Array ? Uint8Array.from(frame) : Buffer.from(text);
    this.session.onFrame(bytes, frame instanceof Uint8Array);
    bytes.fill(0);
  }

  /** Says it, and returns what was answered at once or soon. */
  async ask(...frames: readonly (object | string)[]): Promise<unknown[]> {
    const { length } = this.socket.frames;
    for (const frame of frames) this.say(frame);
    await settled();
    return this.socket.frames.slice(length);
  }
}

export function jsonCodec(): Codec {
  const selected = codecs.selectSubprotocol(['json.webpubsub.azure.v1']);
  if (selected === undefined) throw new Error('the JSON subprotocol is not there');
  return selected.codec;
}

export function permissionsOf(roles: readonly string[]): Permissions {
  return new PermissionsTable({ nameLengthMax: 32, entriesMax: 10 }).permissionsFromRoles(roles);
}

export function ack(ackId: number | bigint, error?: { name: string; message: string }): object {
  return { type: 'ack', ackId, success: error === undefined, ...(error && { error }) };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
