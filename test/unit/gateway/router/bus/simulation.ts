/**
 * A cluster in one process on a simulated broker: time is moved by hand, links delay, nodes pause,
 * go deaf and die. Nodes are made of the real router, directory and bus.
 */
import {
  BackplaneUnavailableError,
  type Accepted,
  type Backplane,
  type BackplaneSink,
  type BackplaneTraits,
} from '../../../../../backplanes/backplane.ts';
import type { StreamStore } from '../../../../../backplanes/stream-store.ts';
import type { Clock } from '../../../../../gateway/clock.ts';
import { defaultLimits } from '../../../../../gateway/limits.ts';
import { BusCalls } from '../../../../../gateway/router/bus/bus-calls.ts';
import { ClusterDirectory } from '../../../../../gateway/router/bus/cluster-directory.ts';
import { LocalCalls } from '../../../../../gateway/router/bus/local-calls.ts';
import { MovedConnections } from '../../../../../gateway/router/bus/moved-connections.ts';
import { isNodeMessage } from '../../../../../gateway/router/bus/node-message.ts';
import type { DestinationRules } from '../../../../../gateway/router/destination-rules.ts';
import { NodeBus } from '../../../../../gateway/router/bus/node-bus.ts';
import { LocalDirectory } from '../../../../../gateway/router/local-directory.ts';
import { Router } from '../../../../../gateway/router/router.ts';
import { TakeOvers } from '../../../../../gateway/session/reliable/take-over/take-overs.ts';
import { codecOf, FakeClock, FakeEncoder, settled, TestClient } from '../fakes.ts';

export interface NetworkOptions {
  readonly countsReceivers?: boolean;
  /** Delay of the next delivery in ms; 0 by default. Order per key and receiver is kept. */
  readonly delayMs?: () => number;
  /** True: this message to one node's inbox is lost, and nobody is told. */
  losesCall?: () => boolean;
  /** True: nodes may see the messages of different nodes on one key in different orders. */
  readonly isOrderedPerNode?: boolean;
  /** How long the broker takes to confirm interest in ms; 0 by default. */
  readonly subscribeMs?: () => number;
  /** Where streams are retained, and which destinations are some. */
  readonly store?: () => StreamStore;
  readonly rules?: DestinationRules;
}

const stepMs = 10;

export class Network {
  readonly clock = new FakeClock();
  readonly options: NetworkOptions;
  readonly nodes: SimulatedNode[] = [];
  /** Messages published per key. */
  readonly published = new Map<string, number>();

  constructor(options: NetworkOptions = {}) {
    this.options = options;
  }

  /** A node that has started, or whose start has failed by then. */
  async add(nodeId = `n${this.nodes.length + 1}`): Promise<SimulatedNode> {
    const node = this.create(nodeId);
    await this.during(node.start());
    return node;
  }

  /** Not started. */
  create(nodeId = `n${this.nodes.length + 1}`): SimulatedNode {
    const node = new SimulatedNode(this, nodeId);
    this.nodes.push(node);
    return node;
  }

  async addAll(count: number): Promise<readonly SimulatedNode[]> {
    const nodes: SimulatedNode[] = [];
    while (nodes.length < count) nodes.push(await this.add());
    return nodes;
  }

  /** Lets time pass, with everything that happens in it. */
  async pass(ms: number): Promise<void> {
    await settled();
    for (let passedMs = 0; passedMs < ms; passedMs += stepMs) {
      this.clock.advance(Math.min(stepMs, ms - passedMs));
      await settled();
    }
  }

  /** Lets time pass until the promise has settled. */
  async during<T>(promise: Promise<T>, msMax = 60_000): Promise<T> {
    const state = { isOver: false };
    const over = (): void => {
      state.isOver = true;
    };
    promise.then(over, over);
    await settled();
    for (let passedMs = 0; !state.isOver; passedMs += stepMs) {
      if (passedMs > msMax) throw new Error(`nothing came of it in ${msMax} ms of simulated time`);
      await this.pass(stepMs);
    }
    return promise;
  }

  publish(key: string, bytes: Uint8Array, from = ''): Accepted {
    this.published.set(key, (this.published.get(key) ?? 0) + 1);
    const receivers = this.nodes.filter(({ link }) => link.hears(key));
    const order = this.options.isOrderedPerNode === true ? `${from} ${key}` : key;
    for (const { link } of receivers) link.take(key, Uint8Array.from(bytes), order);
    return { receivers: this.options.countsReceivers === true ? receivers.length : undefined };
  }
}

/** One node's connection to the broker. */
class Link implements Backplane {
  readonly traits: BackplaneTraits;
  /** Publishes fail. */
  isCut = false;
  /** The subscriber is gone: nothing arrives, nobody counts it. */
  isDeaf = false;
  isDead = false;
  readonly #network: Network;
  readonly #clock: PausableClock;
  readonly #keys = new Set<string>();
  /** When the last delivery per key is due. */
  readonly #due = new Map<string, number>();
  #sink: BackplaneSink | undefined;

  readonly #nodeId: string;

  constructor(network: Network, clock: PausableClock, nodeId: string) {
    this.#network = network;
    this.#nodeId = nodeId;
    this.#clock = clock;
    this.traits = {
      interest: 'immediate',
      envelopeBytesMax: 1_000_000,
      countsReceivers: network.options.countsReceivers === true,
      crossesProcesses: true,
    };
  }

  hears(key: string): boolean {
    return this.#keys.has(key) && !this.isDeaf && !this.isDead;
  }

  /** @param order messages with the same one keep their order. */
  take(key: string, bytes: Uint8Array, order: string): void {
    const { clock, options } = this.#network;
    if (key.startsWith('n:') && isNodeMessage(bytes) && options.losesCall?.() === true) return;
    const now = clock.monotonicMs();
    const due = Math.max(now + (options.delayMs?.() ?? 0), this.#due.get(order) ?? 0);
    this.#due.set(order, due);
    clock.after(due - now, () => {
      this.#clock.whenAwake(() => {
        if (this.hears(key)) this.#sink?.onEnvelope(key, bytes);
      });
    });
  }

  /** Hears again, and knows that it has missed something. */
  recover(): void {
    this.isDeaf = false;
    this.#clock.whenAwake(() => this.tellGap('all'));
  }

  tellGap(keys: readonly string[] | 'all'): void {
    this.#sink?.onGap(keys, 'resubscribed');
  }

  start(sink: BackplaneSink): Promise<void> {
    this.#sink = sink;
    sink.onLink('up', 'simulated');
    return Promise.resolve();
  }

  async subscribe(key: string): Promise<void> {
    const { clock, options } = this.#network;
    const delayMs = options.subscribeMs?.() ?? 0;
    if (delayMs > 0) await new Promise<void>((resolve) => clock.after(delayMs, resolve));
    this.#keys.add(key);
  }

  unsubscribe(key: string): Promise<void> {
    this.#keys.delete(key);
    return Promise.resolve();
  }

  async publish(key: string, bytes: Uint8Array): Promise<Accepted> {
    if (this.isCut) throw new BackplaneUnavailableError('The simulated broker is away');
    if (this.isDead) return new Promise(() => undefined);
    return this.#network.publish(key, bytes, this.#nodeId);
  }

  async caughtUp(): Promise<void> {
    const { clock } = this.#network;
    const waitMs = Math.max(0, ...this.#due.values()) - clock.monotonicMs();
    if (waitMs >= 0) await new Promise<void>((resolve) => clock.after(waitMs, resolve));
  }

  isUp(): boolean {
    return !this.isCut;
  }

  close(): Promise<void> {
    this.isDead = true;
    return Promise.resolve();
  }
}

/** A node's time: while it is paused nothing runs; later each timer that fell due runs once. */
class PausableClock implements Clock {
  readonly #clock: FakeClock;
  #isPaused = false;
  #waiting = new Set<() => void>();

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  pause(): void {
    this.#isPaused = true;
  }

  /** @param isLastFirst true: in the opposite order, timers and messages alike. */
  resume(isLastFirst: boolean): void {
    this.#isPaused = false;
    const waiting = [...this.#waiting];
    this.#waiting = new Set();
    const timers = waiting.filter((callback) => this.#timers.has(callback));
    const messages = waiting.filter((callback) => !this.#timers.has(callback));
    const order = isLastFirst ? [...messages, ...timers] : [...timers, ...messages];
    for (const callback of order) callback();
  }

  readonly #timers = new Set<() => void>();

  whenAwake(callback: () => void): void {
    if (this.#isPaused) this.#waiting.add(callback);
    else callback();
  }

  monotonicMs(): number {
    return this.#clock.monotonicMs();
  }

  wallSeconds(): number {
    return this.#clock.wallSeconds();
  }

  afterTurn(callback: () => void): void {
    this.#clock.afterTurn(callback);
  }

  after(delayMs: number, callback: () => void): () => void {
    return this.#clock.after(delayMs, this.#timer(callback));
  }

  every(periodMs: number, callback: () => void): () => void {
    return this.#clock.every(periodMs, this.#timer(callback));
  }

  #timer(callback: () => void): () => void {
    const timer = (): void => callback();
    this.#timers.add(timer);
    return () => this.whenAwake(timer);
  }
}

export class SimulatedNode {
  readonly nodeId: string;
  readonly link: Link;
  readonly router: Router;
  readonly bus: NodeBus;
  readonly directory: ClusterDirectory;
  readonly errors: unknown[] = [];
  /** Calls that were executed here. */
  readonly executed: string[] = [];
  /** Runs before each call. */
  beforeCall: (call: string) => Promise<void> = () => Promise.resolve();
  /** What another version would answer to everything. */
  answerInstead: unknown;
  readonly moved = new MovedConnections();
  readonly calls: BusCalls;
  /** Executes calls about connections that change their node. */
  takeOver: (call: string, args: readonly unknown[]) => Promise<unknown> = () =>
    Promise.reject(new Error('this node takes nothing over'));
  /** Resolves when it is known which node serves a connection. */
  settled: (connectionId: string) => Promise<void> | undefined = () => undefined;
  /** It goes away, and takes nothing over that others want to give it. */
  leaves = false;
  readonly #clock: PausableClock;
  #connections = 0;

  constructor(network: Network, nodeId: string) {
    this.nodeId = nodeId;
    this.#clock = new PausableClock(network.clock);
    this.link = new Link(network, this.#clock, nodeId);
    const onError = (error: unknown): void => void this.errors.push(error);
    this.router = new Router({
      nodeId,
      backplane: this.link,
      limits: defaultLimits,
      clock: this.#clock,
      onNodeMessage: (bytes) => this.bus.receive(bytes),
      onNodeGap: () => this.bus.onGap(),
      nodeFor: (connectionId) => this.calls.messagesTo(connectionId),
      store: network.options.store?.(),
      ...(network.options.rules === undefined ? {} : { rules: network.options.rules }),
      onError,
    });
    const { moved } = this;
    const local = new LocalDirectory({
      attendanceBounds: { membersMax: 3, bytesMax: 1000 },
      hubs: this.router.hubs,
      members: this.router.members,
      filterBounds: { lengthMax: 1000, depthMax: 10 },
    });
    this.bus = new NodeBus({
      nodeId,
      backplane: this.link,
      clock: this.#clock,
      heartbeatMs: defaultLimits.heartbeatMs,
      suspectAfterMs: defaultLimits.suspectAfterMs,
      deadAfterMs: defaultLimits.deadAfterMs,
      answerTimeoutMs: defaultLimits.nodeAnswerTimeoutMs,
      execute: async (call, args) => {
        this.executed.push(call);
        await this.beforeCall(call);
        if (TakeOvers.executes(call)) return this.takeOver(call, args);
        return this.answerInstead ?? calls.execute(call, args);
      },
      onError,
    });
    const calls = new LocalCalls({
      nodeId,
      local,
      hubs: this.router.hubs,
      moved,
      call: (to, call, args) => this.bus.call(to, call, args),
      settled: (connectionId) => this.settled(connectionId),
    });
    const { traits } = this.link;
    this.calls = new BusCalls({ nodeId, bus: () => this.bus, moved, traits });
    this.directory = new ClusterDirectory(this.bus, moved);
  }

  async start(): Promise<void> {
    await this.router.start();
    await this.bus.start();
  }

  /** A connection that has entered. */
  async connect(
    options: { readonly userId?: string; readonly groups?: readonly string[] } = {},
  ): Promise<TestClient> {
    this.#connections += 1;
    const client = new TestClient(this.router.members, {
      hub: 'hub',
      connectionId: `${this.nodeId}-${String(this.#connections).padStart(4, '0')}`,
      userId: options.userId,
      codec: codecOf(new FakeEncoder()),
    });
    await this.router.members.enter(client.subscriber, options.groups ?? []);
    return client;
  }

  pause(): void {
    this.#clock.pause();
  }

  resume(isLastFirst = false): void {
    this.#clock.resume(isLastFirst);
  }

  get clock(): Clock {
    return this.#clock;
  }

  /** As `kill -9` does it. */
  kill(): void {
    this.link.isDead = true;
    this.#clock.pause();
  }
}

export function idOf(client: TestClient): string {
  return client.subscriber.connectionId;
}
