/**
 * What the router's tests stand on: a clock that is moved by hand, a socket with a kernel of a few
 * bytes, an encoder that counts, and a node made of them.
 */
import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import { MemoryBackplane, MemoryBroker } from '../../../../backplanes/memory/memory-backplane.ts';
import type { Backplane } from '../../../../backplanes/backplane.ts';
import type { StreamStore } from '../../../../backplanes/stream-store.ts';
import type { Clock } from '../../../../gateway/clock.ts';
import { defaultLimits, type Limits } from '../../../../gateway/limits.ts';
import { closeCodes, type CloseCode } from '../../../../gateway/protocol/close-codes.ts';
import type { Codec, Encoder, Frame } from '../../../../gateway/protocol/codec.ts';
import type {
  GapNotice,
  Message,
  OwnDestination,
  Reply,
  StreamPosition,
} from '../../../../gateway/protocol/model.ts';
import type { Permissions } from '../../../../gateway/protocol/permissions.ts';
import type { DestinationRules } from '../../../../gateway/router/destination-rules.ts';
import type { LocalSubscriber } from '../../../../gateway/router/local-subscriber.ts';
import type { Publication } from '../../../../gateway/router/ports.ts';
import { Router } from '../../../../gateway/router/router.ts';
import type { SendOutcome, Socket } from '../../../../gateway/transport/transport.ts';

/** Time that stands still until it is moved. */
export class FakeClock implements Clock {
  #nowMs = 1000;
  #afterTurn: (() => void)[] = [];
  readonly #timers = new Set<{ periodMs: number; dueMs: number; callback: () => void }>();

  monotonicMs(): number {
    return this.#nowMs;
  }

  wallSeconds(): number {
    return 1_700_000_000 + this.#nowMs / 1000;
  }

  afterTurn(callback: () => void): void {
    this.#afterTurn.push(callback);
  }

  every(periodMs: number, callback: () => void): () => void {
    const timer = { periodMs, dueMs: this.#nowMs + periodMs, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  after(delayMs: number, callback: () => void): () => void {
    const stop = this.every(delayMs, () => {
      stop();
      callback();
    });
    return stop;
  }

  /** Timers that run. */
  get timers(): number {
    return this.#timers.size;
  }

  /** Runs what waits for the end of the turn. */
  endTurn(): void {
    const callbacks = this.#afterTurn;
    this.#afterTurn = [];
    for (const callback of callbacks) callback();
  }

  /** Lets `ms` pass; each timer that fell due runs once per period. */
  advance(ms: number): void {
    const end = this.#nowMs + ms;
    for (;;) {
      const next = [...this.#timers].sort((a, b) => a.dueMs - b.dueMs)[0];
      if (next === undefined || next.dueMs > end) break;
      this.#nowMs = next.dueMs;
      next.dueMs += next.periodMs;
      next.callback();
    }
    this.#nowMs = end;
  }
}

/** A socket whose kernel takes `roomBytes` more, and buffers what is beyond. */
export class FakeSocket implements Socket {
  isOpen = true;
  /** The lists given to `write`, in order. */
  readonly writes: (readonly Frame[])[] = [];
  /** Texts of all frames accepted, by `write` and `send`. */
  readonly texts: string[] = [];
  roomBytes = Number.POSITIVE_INFINITY;
  closedWith: { code: CloseCode; reason: string } | undefined;
  /** Called within `write`, before it returns. */
  onWrite: (() => void) | undefined;
  #buffered = 0;

  send(frame: Frame): SendOutcome {
    if (!this.isOpen) return 'dropped';
    this.#take(frame);
    return this.#buffered > 0 ? 'buffered' : 'sent';
  }

  write(frames: readonly Frame[]): number {
    if (!this.isOpen) return -1;
    this.writes.push([...frames]);
    for (const frame of frames) this.#take(frame);
    this.onWrite?.();
    return this.isOpen ? this.#buffered : -1;
  }

  bufferedBytes(): number {
    return this.isOpen ? this.#buffered : 0;
  }

  end(code: CloseCode, reason: string): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.closedWith = { code, reason };
  }

  cut(): void {
    this.isOpen = false;
  }

  /** The peer reads `bytes`: the kernel takes what was buffered first, then has room. */
  read(bytes: number = Number.POSITIVE_INFINITY): void {
    const taken = Math.min(bytes, this.#buffered);
    this.#buffered -= taken;
    this.roomBytes += bytes - taken;
  }

  #take(frame: Frame): void {
    this.texts.push(Buffer.from(frame.bytes).toString());
    const size = frame.bytes.length;
    const taken = this.#buffered > 0 ? 0 : Math.min(this.roomBytes, size);
    this.roomBytes -= taken;
    this.#buffered += size - taken;
  }
}

/** Frames are the payload's text; counts what it encodes. */
export class FakeEncoder implements Encoder {
  readonly name: string;
  encoded = 0;
  readonly messages: Message[] = [];

  constructor(name = 'fake') {
    this.name = name;
  }

  encodeReply(reply: Reply): Frame {
    return { bytes: Buffer.from(`reply ${reply.kind}`), isBinary: false };
  }

  encodeMessage(message: Message): Frame {
    this.encoded += 1;
    this.messages.push(message);
    return { bytes: Buffer.from(message.payload.bytes), isBinary: false };
  }
}

export function codecOf(encoder: Encoder): Codec {
  return { name: encoder.name, subprotocol: encoder.name, encoder, decode: () => undefined };
}

const allowAll: Permissions = {
  allows: () => true,
  grant: () => allowAll,
  revoke: () => allowAll,
  roles: () => [],
};

/** A connection of a `TestNode`: what its socket got, and how it was closed. */
export class TestClient {
  readonly socket = new FakeSocket();
  permissions: Permissions = allowAll;
  readonly gaps: GapNotice[] = [];
  /** How many texts it had got before each of them. */
  readonly gapPlaces: number[] = [];
  /** Called when it is told of a gap. */
  onNotice: (() => void) | undefined;
  readonly bookmarks: StreamPosition[] = [];
  readonly subscriber: LocalSubscriber;
  readonly #members: Router['members'];

  constructor(
    members: Router['members'],
    options: Omit<Parameters<Router['members']['attach']>[0], 'socket' | 'owner'>,
  ) {
    this.#members = members;
    this.subscriber = members.attach({ ...options, socket: this.socket, owner: this });
  }

  get texts(): readonly string[] {
    return this.socket.texts;
  }

  /** As a session does it: says why, closes the socket, and hears of it in a microtask. */
  close(code: CloseCode, reason: string): void {
    if (!this.socket.isOpen) return;
    this.subscriber.sendReply(
      this.subscriber.codec.encoder.encodeReply({ kind: 'disconnected', reason }) ?? emptyFrame,
    );
    this.socket.end(code, reason);
    queueMicrotask(() => this.#members.detach(this.subscriber));
  }

  onGoAway(): boolean {
    return false;
  }

  depart(reason: string): void {
    this.close(closeCodes.goingAway, reason);
  }

  onGap(notice: GapNotice): void {
    this.gaps.push(notice);
    this.gapPlaces.push(this.texts.length);
    this.onNotice?.();
  }

  onBookmark(_to: OwnDestination, position: StreamPosition): void {
    this.bookmarks.push(position);
  }

  /** The peer vanishes. */
  vanish(): void {
    this.socket.cut();
    this.#members.detach(this.subscriber);
  }

  /** The peer reads, and the transport tells. */
  read(bytes?: number): void {
    this.socket.read(bytes);
    if (this.socket.isOpen) this.subscriber.onDrain();
  }
}

const emptyFrame: Frame = { bytes: new Uint8Array(0), isBinary: false };

export interface TestNodeOptions {
  readonly nodeId?: string;
  readonly broker?: MemoryBroker;
  readonly backplane?: Backplane;
  readonly limits?: Partial<Limits>;
  readonly clock?: FakeClock;
  readonly rules?: DestinationRules;
  readonly store?: StreamStore;
}

/** A router on fakes. */
export class TestNode {
  readonly clock: FakeClock;
  readonly router: Router;
  readonly encoder = new FakeEncoder();
  readonly errors: unknown[] = [];
  readonly nodeId: string;
  #connections = 0;

  constructor(options: TestNodeOptions = {}) {
    const { backplane, broker = new MemoryBroker(), limits, nodeId = 'node1' } = options;
    this.nodeId = nodeId;
    this.clock = options.clock ?? new FakeClock();
    this.router = new Router({
      nodeId,
      backplane: backplane ?? new MemoryBackplane(broker),
      limits: { ...defaultLimits, ...limits },
      clock: this.clock,
      ...(options.rules === undefined ? {} : { rules: options.rules }),
      store: options.store,
      onError: (error) => this.errors.push(error),
    });
  }

  static async start(options: TestNodeOptions = {}): Promise<TestNode> {
    const node = new TestNode(options);
    await node.router.start();
    return node;
  }

  /** A connection that is attached and has entered its hub, its user and its groups. */
  async connect(
    options: {
      readonly hub?: string;
      readonly id?: string;
      readonly userId?: string;
      readonly groups?: readonly string[];
      readonly encoder?: Encoder;
    } = {},
  ): Promise<TestClient> {
    const client = this.attach(options);
    await this.router.members.enter(client.subscriber, options.groups ?? []);
    return client;
  }

  /** A connection that is a member of nothing yet. */
  attach(
    options: {
      readonly hub?: string;
      readonly id?: string;
      readonly userId?: string;
      readonly encoder?: Encoder;
    } = {},
  ): TestClient {
    this.#connections += 1;
    const { encoder = this.encoder, hub = 'hub', userId } = options;
    return new TestClient(this.router.members, {
      hub,
      connectionId: options.id ?? `${this.nodeId}-c${this.#connections}`,
      userId,
      codec: codecOf(encoder),
    });
  }

  /** Publishes; what it brings is in the node's turn when this resolves. */
  async publish(to: Publication['to'], text: string, more: Partial<Publication> = {}) {
    const bytes = Buffer.from(text);
    await this.router.publish({ hub: 'hub', to, payload: { dataType: 'text', bytes }, ...more });
    await turnOfTheLoop();
  }

  /** Publishes to a group and ends the turn. */
  async send(group: string, text: string, more: Partial<Publication> = {}): Promise<void> {
    await this.publish({ kind: 'group', name: group }, text, more);
    this.clock.endTurn();
  }
}

/** Lets all microtasks and ready callbacks run. */
export async function settled(): Promise<void> {
  await turnOfTheLoop();
}
