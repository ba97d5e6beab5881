/**
 * Reliable clients that move between the nodes of a simulated cluster: their sockets are cut, nodes
 * hear of that late, calls between nodes are lost, and messages keep arriving.
 */
import assert from 'node:assert/strict';
import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import type { Limits } from '../../../../../../gateway/limits.ts';
import type { Frame } from '../../../../../../gateway/protocol/codec.ts';
import { ReliableSessions } from '../../../../../../gateway/session/reliable/reliable-sessions.ts';
import { ReconnectionTokens } from '../../../../../../gateway/tokens/reconnection-tokens.ts';
import type { Socket, SocketHandler } from '../../../../../../gateway/transport/transport.ts';
import { SeededRandom } from '../../../../../support/seeded-random.ts';
import {
  Network,
  type NetworkOptions,
  type SimulatedNode,
} from '../../../router/bus/simulation.ts';
import { allRoles, codecs, permissionsOf, SessionFixture } from '../../session-fixtures.ts';

export const hub = 'chat';
export const subprotocol = 'json.reliable.webpubsub.azure.v1';
const stepMs = 10;

export interface WorldOptions {
  readonly nodes?: number;
  /** Of 100 calls between nodes, so many are lost. */
  readonly lossPercent?: number;
  readonly delayMsMax?: number;
  readonly subscribeMsMax?: number;
  readonly limits?: Partial<Limits>;
  readonly streams?: Pick<NetworkOptions, 'store' | 'rules'>;
}

/** A node with reliable connections. */
export interface WorldNode {
  readonly node: SimulatedNode;
  readonly reliable: ReliableSessions;
}

export class World {
  readonly random: SeededRandom;
  readonly network: Network;
  /** Those that run, the ones included that are about to go. */
  readonly nodes: WorldNode[] = [];
  /** Texts published, by destination key. */
  readonly published: string[] = [];
  isLossy = true;
  readonly #limits: Partial<Limits> | undefined;
  #added = 0;

  private constructor(seed: number, options: WorldOptions) {
    const { delayMsMax = 30, lossPercent = 10, subscribeMsMax = 40 } = options;
    const random = new SeededRandom(seed);
    this.random = random;
    this.#limits = options.limits;
    this.network = new Network({
      ...options.streams,
      isOrderedPerNode: true,
      delayMs: () => random.below(delayMsMax + 1),
      subscribeMs: () => random.below(subscribeMsMax + 1),
      losesCall: () => this.isLossy && random.below(100) < lossPercent,
    });
  }

  static async start(seed: number, options: WorldOptions = {}): Promise<World> {
    const world = new World(seed, options);
    const nodes = Array.from({ length: options.nodes ?? 3 }, () => world.create());
    await world.during(Promise.all(nodes.map(({ node }) => node.start())));
    world.nodes.push(...nodes);
    return world;
  }

  /** Not started. */
  create(): WorldNode {
    const node = this.network.create(`n${this.#added}`);
    this.#added += 1;
    return { node, reliable: reliableOn(node, this.#limits) };
  }

  /** Starts another node, which gets clients when it has heard of all moves. */
  async add(): Promise<WorldNode> {
    const created = this.create();
    await this.during(created.node.start());
    const { introduction } = created.reliable.takeOvers ?? {};
    introduction?.begin();
    assert.ok(await this.until(() => introduction?.isDone === true, 60_000));
    this.nodes.push(created);
    return created;
  }

  /** A node leaves as SIGTERM makes it: its clients are sent away, then it ends. */
  async drain(one: WorldNode): Promise<void> {
    const { node, reliable } = one;
    node.leaves = true;
    await reliable.takeOvers?.leave(10_000, 'going', new AbortController().signal);
    this.nodes.splice(this.nodes.indexOf(one), 1);
    await node.bus.stop();
    await node.router.close();
    reliable.takeOvers?.introduction.close();
    node.kill();
  }

  /** Lets time pass until it is over. */
  async during(work: Promise<unknown>): Promise<void> {
    const state = { isOver: false };
    void work.finally(() => {
      state.isOver = true;
    });
    while (!state.isOver) await this.pass(stepMs);
    await work;
  }

  get clock() {
    return this.network.clock;
  }

  any(): WorldNode {
    return this.random.pick(this.nodes);
  }

  /** One to which a balancer leads clients. */
  ready(): WorldNode {
    return this.random.pick(this.nodes.filter(({ node }) => !node.leaves));
  }

  async pass(ms: number): Promise<void> {
    for (let passedMs = 0; passedMs < ms; passedMs += stepMs) {
      this.clock.advance(stepMs);
      await turnOfTheLoop();
      this.clock.endTurn();
    }
    await turnOfTheLoop();
  }

  /** Lets time pass until it holds. False: it did not in so many ms. */
  async until(holds: () => boolean, msMax: number): Promise<boolean> {
    for (let passedMs = 0; !holds(); passedMs += stepMs) {
      if (passedMs > msMax) return false;
      await this.pass(stepMs);
    }
    return true;
  }

  /** Publishes to a destination of which every client is a member, from any node. */
  publish(): void {
    const { node } = this.any();
    const to = this.random.pick([
      { kind: 'all' },
      { kind: 'user', name: 'anna' },
      { kind: 'group', name: 'g' },
    ] as const);
    const text = `${node.nodeId} ${to.kind} ${this.published.length}`;
    this.published.push(text);
    const payload = { dataType: 'text', bytes: Buffer.from(text) } as const;
    void node.router.publish({ hub, to, payload });
  }

  /** Publishes to a client's connection alone. */
  publishTo(client: MovingClient): void {
    const { node } = this.any();
    const text = `${node.nodeId} connection ${client.direct.length}`;
    client.direct.push(text);
    const to = { kind: 'connection', name: client.connectionId } as const;
    const payload = { dataType: 'text', bytes: Buffer.from(text) } as const;
    void node.router.publish({ hub, to, payload });
  }

  async client(on: WorldNode = this.any()): Promise<MovingClient> {
    const client = new MovingClient(this);
    client.connect(on);
    assert.ok(await this.until(() => client.isServed, 1000));
    return client;
  }
}

function reliableOn(node: SimulatedNode, limits?: Partial<Limits>): ReliableSessions {
  const services = {
    ...new SessionFixture().services(limits),
    publisher: node.router,
    subscribers: node.router.members,
    permissionsFor: permissionsOf,
    onError: (error: unknown): void => void node.errors.push(error),
  };
  const { calls, moved: moves } = node;
  const { handovers } = node.router;
  let claims = 0;
  const reliable = new ReliableSessions({
    services,
    tokens: new ReconnectionTokens({ accessKeys: ['the key'], clock: node.clock }),
    clock: node.clock,
    codecOf: (name) => codecs.selectSubprotocol([name])?.codec,
    takeOvers: {
      calls,
      handovers,
      moves,
      newNonce: () => `${node.nodeId} ${(claims += 1)}`,
      takesMore: () => !node.leaves,
    },
  });
  node.settled = (connectionId) => reliable.takeOvers?.owner.settled(connectionId);
  node.takeOver = (call, args) => reliable.execute(call, args);
  return reliable;
}

/** One socket of a client; what the gateway writes to it arrives at once, unless it is cut. */
class Line implements Socket {
  isOpen = true;
  isCut = false;
  readonly #client: MovingClient;
  readonly handler: SocketHandler;

  constructor(client: MovingClient, handler: SocketHandler) {
    this.#client = client;
    this.handler = handler;
  }

  send(frame: Frame): 'sent' | 'dropped' {
    if (!this.isOpen) return 'dropped';
    const text = Buffer.from(frame.bytes).toString();
    const received = JSON.parse(text) as Received;
    if (received.sequenceId === undefined) this.#client.replies.push(text);
    this.#client.take(this, received);
    return 'sent';
  }

  write(frames: readonly Frame[]): number {
    if (!this.isOpen) return -1;
    for (const frame of frames) this.send(frame);
    return 0;
  }

  bufferedBytes(): number {
    return 0;
  }

  end(code: number): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.#client.closed(this, code);
    queueMicrotask(() => this.handler.onClose(code, ''));
  }

  cut(): void {
    this.end(1006);
  }
}

interface Received {
  readonly sequenceId?: number;
  readonly data?: string;
  readonly connectionId?: string;
  readonly reconnectionToken?: string;
}

export class MovingClient {
  connectionId = '';
  token = '';
  isServed = false;
  /** Closed with 1008, at the end of its connection. */
  isRefused = false;
  refusals = 0;
  resumes = 0;
  /** What it has accepted, in order; message number n is at n - 1. */
  readonly texts: string[] = [];
  /** What any socket brought under a number, also to nobody. */
  readonly #numbered = new Map<number, string>();
  readonly faults: string[] = [];
  /** What was published to it alone. */
  readonly direct: string[] = [];
  /** Frames without a number, as they came. */
  readonly replies: string[] = [];
  readonly #world: World;
  #line: Line | undefined;

  constructor(world: World) {
    this.#world = world;
  }

  get isAway(): boolean {
    return this.#line === undefined && !this.isRefused;
  }

  connect({ node, reliable }: WorldNode): void {
    const codec = codecs.selectSubprotocol([subprotocol])?.codec;
    assert.ok(codec !== undefined);
    this.#open(
      reliable.open({
        hub,
        connectionId: `${node.nodeId}-${this.#world.random.below(1_000_000)}`,
        userId: 'anna',
        groups: ['g'],
        expiresAt: Number.POSITIVE_INFINITY,
        permissions: permissionsOf(allRoles),
        codec,
      }),
    );
  }

  resume({ reliable }: WorldNode): void {
    const { connectionId, token } = this;
    this.resumes += 1;
    this.#open(reliable.resume({ connectionId, token, hub, subprotocol }));
  }

  /** Its socket is gone; the node hears of it after a while. */
  cut(afterMs: number): void {
    const line = this.#line;
    if (line === undefined) return;
    this.#line = undefined;
    this.isServed = false;
    line.isCut = true;
    this.#world.clock.after(Math.max(1, afterMs), () => {
      if (!line.isOpen) return;
      line.isOpen = false;
      line.handler.onClose(1006, '');
    });
  }

  acknowledge(): void {
    this.say({ type: 'sequenceAck', sequenceId: this.texts.length });
  }

  say(frame: object): void {
    const line = this.#line;
    if (line?.isOpen === true) line.handler.onFrame(Buffer.from(JSON.stringify(frame)), false);
  }

  take(line: Line, { connectionId, data, reconnectionToken, sequenceId }: Received): void {
    if (sequenceId !== undefined) this.#checkNumber(sequenceId, String(data));
    if (line !== this.#line) return;
    if (connectionId !== undefined) {
      this.connectionId = connectionId;
      this.token = reconnectionToken ?? '';
      this.isServed = true;
    }
    if (sequenceId === undefined || sequenceId <= this.texts.length) return;
    if (sequenceId !== this.texts.length + 1) {
      this.faults.push(`${sequenceId} came after ${this.texts.length}`);
    }
    this.texts.push(String(data));
  }

  closed(line: Line, code: number): void {
    if (line !== this.#line) return;
    this.#line = undefined;
    this.isServed = false;
    if (code === 1008) this.isRefused = true;
  }

  #open(handler: SocketHandler): void {
    const line = new Line(this, handler);
    this.#line = line;
    handler.onOpen(line);
  }

  /** Two owners would give one number to different messages. */
  #checkNumber(sequenceId: number, text: string): void {
    const known = this.#numbered.get(sequenceId);
    if (known === undefined) this.#numbered.set(sequenceId, text);
    else if (known !== text) this.faults.push(`${sequenceId} is "${known}" and "${text}"`);
  }
}

/**
 * Nothing twice, and the messages of a node to a destination in their order; those to the connection
 * itself may change places when it comes back to a node by which they go.
 */
export function disorderOf(texts: readonly string[]): string | undefined {
  if (new Set(texts).size !== texts.length) return 'something came twice';
  const last = new Map<string, number>();
  for (const text of texts) {
    const [node = '', kind = '', number = ''] = text.split(' ');
    if (kind === 'connection') continue;
    const way = `${node} ${kind}`;
    if ((last.get(way) ?? -1) > Number(number)) return `"${text}" came late`;
    last.set(way, Number(number));
  }
  return undefined;
}
