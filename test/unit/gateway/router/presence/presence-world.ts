/**
 * Nodes with presence in time that is moved by hand, on a broker that delays and loses what the test
 * wants lost. Node bus, roster and presence are the real ones; connections are as thin as possible.
 */
import assert from 'node:assert/strict';
import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import type { Accepted, Backplane } from '../../../../../backplanes/backplane.ts';
import type { Clock } from '../../../../../gateway/clock.ts';
import { defaultLimits, type Limits } from '../../../../../gateway/limits.ts';
import type { Encoder, Frame } from '../../../../../gateway/protocol/codec.ts';
import type {
  ClientState,
  PresenceNotice,
} from '../../../../../gateway/protocol/presence-model.ts';
import { NodeBus } from '../../../../../gateway/router/bus/node-bus.ts';
import { HubTable } from '../../../../../gateway/router/hub-table.ts';
import { controlKey, inboxKey } from '../../../../../gateway/router/keys.ts';
import { Congestion } from '../../../../../gateway/router/congestion.ts';
import { LocalSubscriber } from '../../../../../gateway/router/local-subscriber.ts';
import type { SubscriberOwner } from '../../../../../gateway/router/ports.ts';
import type { LeaveKind } from '../../../../../gateway/protocol/presence-model.ts';
import { newRouterCounters } from '../../../../../gateway/router/router-counters.ts';
import { PermissionsTable } from '../../../../../gateway/protocol/roles.ts';
import { NodePresence } from '../../../../../gateway/router/presence/node-presence.ts';
import { PresenceBus } from '../../../../../gateway/router/presence/presence-bus.ts';
import type { SendOutcome, Socket } from '../../../../../gateway/transport/transport.ts';
import { FakeClock, codecOf } from '../fakes.ts';

export const hub = 'hub';
export const stepMs = 25;

/** What the broker does with a message. */
export interface Fate {
  readonly isLost: boolean;
  readonly delayMs: number;
}

export interface WorldOptions {
  readonly limits?: Partial<Limits>;
  /** 0 to 1. */
  readonly random?: () => number;
}

interface Delivery {
  readonly dueMs: number;
  readonly to: PresenceNode;
  readonly bytes: Uint8Array;
}

export class PresenceWorld {
  readonly clock = new FakeClock();
  readonly limits: Limits;
  readonly random: () => number;
  readonly nodes: PresenceNode[] = [];
  /** Called for each receiver of each message. */
  fate: (from: PresenceNode, to: PresenceNode, isToAll: boolean) => Fate = () => prompt;
  #deliveries: Delivery[] = [];

  constructor(options: WorldOptions = {}) {
    this.limits = { ...defaultLimits, ...options.limits };
    this.random = options.random ?? (() => 0.5);
  }

  /** A node that has heard itself. */
  async addNode(): Promise<PresenceNode> {
    const node = new PresenceNode(this, `n${this.nodes.length}`);
    this.nodes.push(node);
    node.start();
    await this.pass(stepMs);
    return node;
  }

  publish(from: PresenceNode, key: string, bytes: Uint8Array): Promise<Accepted> {
    const isToAll = key === controlKey;
    for (const to of this.nodes) {
      if (to.isDead || !(isToAll || key === inboxKey(to.nodeId))) continue;
      const { delayMs, isLost } = this.fate(from, to, isToAll);
      if (isLost) continue;
      // Per publisher and key the order is kept: nothing overtakes what is on its way.
      const earliestMs = from.lastDueMs.get(`${key} ${to.nodeId}`) ?? 0;
      const dueMs = Math.max(earliestMs, this.clock.monotonicMs() + delayMs);
      from.lastDueMs.set(`${key} ${to.nodeId}`, dueMs);
      this.#deliveries.push({ dueMs, to, bytes });
    }
    return Promise.resolve({ receivers: undefined });
  }

  /** Lets time pass. */
  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= stepMs) {
      this.clock.advance(Math.min(left, stepMs));
      await this.settle();
    }
  }

  /** Lets everything happen that can happen now. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 6; turn += 1) {
      const now = this.clock.monotonicMs();
      const due = this.#deliveries.filter(({ dueMs, to }) => dueMs <= now && !to.isPaused);
      this.#deliveries = this.#deliveries.filter((each) => !due.includes(each));
      for (const { bytes, to } of due) if (!to.isDead) to.bus.receive(bytes);
      this.clock.endTurn();
      await turnOfTheLoop();
    }
  }

  /** Who is in a group, over all nodes that live. */
  truth(group: string): string[] {
    return this.nodes
      .filter(({ isDead }) => !isDead)
      .flatMap((node) => node.hubs.members(hub, { kind: 'group', name: group }))
      .map(({ connectionId }) => connectionId)
      .toSorted();
  }
}

export const prompt: Fate = { isLost: false, delayMs: 0 };
export const lost: Fate = { isLost: true, delayMs: 0 };

export class PresenceNode {
  readonly nodeId: string;
  readonly hubs = new HubTable();
  readonly bus: NodeBus;
  readonly presence: NodePresence;
  readonly lastDueMs = new Map<string, number>();
  readonly #world: PresenceWorld;
  readonly congestion: Congestion;
  readonly #encoder = new NoticeEncoder();
  isDead = false;
  isPaused = false;
  #stopped: Promise<void> | undefined;

  constructor(world: PresenceWorld, nodeId: string) {
    const { limits, random } = world;
    this.#world = world;
    this.nodeId = nodeId;
    const clock = this.#clock();
    const stalledMsMax = limits.congestedMsMax;
    this.congestion = new Congestion({ clock, stalledMsMax, counters: newRouterCounters() });
    const backplane: Pick<Backplane, 'publish'> = {
      publish: (key, bytes) => world.publish(this, key, bytes),
    };
    this.bus = new NodeBus({
      nodeId,
      backplane,
      clock,
      heartbeatMs: limits.heartbeatMs,
      suspectAfterMs: limits.suspectAfterMs,
      deadAfterMs: limits.deadAfterMs,
      answerTimeoutMs: limits.nodeAnswerTimeoutMs,
      execute: () => assert.fail('nobody is asked here'),
      onTold: (from, call, args) => this.presence.receive(from, call, args),
      onRound: () => this.presence.round(),
      onError: (error) => {
        throw error;
      },
    });
    this.presence = new NodePresence({
      nodeId,
      hubs: this.hubs,
      clock,
      limits,
      bus: new PresenceBus(() => this.bus),
      bytesMax: 4096,
      random,
    });
  }

  start(): void {
    this.bus.start().catch(() => assert.fail(`${this.nodeId} did not hear itself`));
    this.presence.start();
  }

  /** The process is gone without a word. */
  kill(): void {
    this.isDead = true;
  }

  /** It says good-bye. */
  async leave(): Promise<void> {
    this.#stopped ??= this.bus.stop();
    await this.#stopped;
    this.isDead = true;
  }

  connect(connectionId: string, userId: string | undefined): NodeClient {
    return new NodeClient(this, { connectionId, userId, encoder: this.#encoder });
  }

  #clock(): Clock {
    const base = this.#world.clock;
    const guarded = (callback: () => void) => () => {
      if (!this.isDead && !this.isPaused) callback();
    };
    // What a paused process has to do at the end of its turn it does later.
    const atTurn = (callback: () => void): void => {
      base.afterTurn(() => {
        if (this.isPaused) base.after(stepMs, () => atTurn(callback));
        else guarded(callback)();
      });
    };
    return {
      monotonicMs: () => base.monotonicMs(),
      wallSeconds: () => base.wallSeconds(),
      afterTurn: atTurn,
      after: (ms, callback) => base.after(ms, guarded(callback)),
      every: (ms, callback) => base.every(ms, guarded(callback)),
    };
  }
}

interface NodeClientOptions {
  readonly connectionId: string;
  readonly userId: string | undefined;
  readonly encoder: NoticeEncoder;
}

/** A connection of a node, as a member of groups and as one that watches. */
export class NodeClient {
  readonly node: PresenceNode;
  readonly connectionId: string;
  readonly userId: string | undefined;
  readonly socket = new NoticeSocket((notice) => {
    const name = notice.to.kind === 'group' ? notice.to.name : '';
    this.#views.get(name)?.take(notice);
  });
  readonly subscriber: LocalSubscriber;
  readonly #views = new Map<string, WatchedGroup>();
  isAllowed = true;

  constructor(node: PresenceNode, { connectionId, encoder, userId }: NodeClientOptions) {
    this.node = node;
    this.connectionId = connectionId;
    this.userId = userId;
    const codec = codecOf(encoder);
    const options = { hub, connectionId, userId, codec, socket: this.socket, owner };
    this.subscriber = new LocalSubscriber(options, 0, node.congestion);
    node.hubs.add(this.subscriber);
  }

  join(group: string, state?: ClientState, sinceMs = 0): void {
    const target = this.node.hubs.target(hub, { kind: 'group', name: group });
    if (this.subscriber.membershipOf(target) !== undefined) return;
    const membership = target.add(this.subscriber);
    membership.sinceMs = sinceMs;
    membership.state = state && { pairs: state, atMs: sinceMs };
    this.subscriber.link(membership);
    target.roll?.set(membership);
  }

  leave(group: string, how: LeaveKind = 'left'): void {
    const target = this.node.hubs.find(hub, { kind: 'group', name: group });
    const membership = target && this.subscriber.membershipOf(target);
    if (target === undefined || membership === undefined) return;
    this.subscriber.unlink(membership);
    target.remove(membership);
    target.roll?.remove(membership, how);
  }

  say(group: string, state: ClientState | undefined): void {
    this.node.presence.setState(this.subscriber, group, state);
  }

  /** Resolves when the watch has begun. */
  async watch(group: string, onNotice?: OnNotice): Promise<WatchedGroup> {
    const view = new WatchedGroup(onNotice);
    this.#views.set(group, view);
    const start = await this.node.presence.watch({
      subscriber: this.subscriber,
      to: { kind: 'group', name: group },
      isAllowed: () => this.isAllowed,
    });
    start();
    return view;
  }

  unwatch(group: string): void {
    this.#views.delete(group);
    this.node.presence.unwatch(this.subscriber, { kind: 'group', name: group });
  }
}

/** Called after each notice with the members that the watcher knows by then. */
type OnNotice = (members: ReadonlyMap<string, string | undefined>) => void;

/** What a watcher knows, as a client puts it together. */
export class WatchedGroup {
  readonly notices: PresenceNotice[] = [];
  readonly members = new Map<string, string | undefined>();
  readonly states = new Map<string, ClientState | undefined>();
  readonly #onNotice: OnNotice;

  constructor(onNotice: OnNotice = () => undefined) {
    this.#onNotice = onNotice;
  }

  get last(): PresenceNotice | undefined {
    return this.notices.at(-1);
  }

  ids(): string[] {
    return [...this.members.keys()].toSorted();
  }

  users(): Set<string | undefined> {
    return new Set(this.members.values());
  }

  take(notice: PresenceNotice): void {
    this.notices.push(notice);
    if (notice.change !== 'changes') {
      this.members.clear();
      this.states.clear();
    } else {
      for (const { connectionId } of notice.left) {
        assert.ok(this.members.delete(connectionId), `${connectionId} left and was not there`);
        this.states.delete(connectionId);
      }
    }
    if (notice.change === 'counts') return;
    for (const member of notice.change === 'changes' ? notice.set : notice.members) {
      this.members.set(member.connectionId, member.userId);
      this.states.set(member.connectionId, member.state);
    }
    assert.equal(this.members.size, notice.connections);
    const users = [...this.users()].filter((user) => user !== undefined);
    assert.equal(users.length, notice.users);
    this.#onNotice(this.members);
  }
}

const permissions = new PermissionsTable({ nameLengthMax: 100, entriesMax: 1 });

/** Nobody closes these connections, or tells them anything but presence. */
const owner: SubscriberOwner = {
  permissions: permissions.permissionsFromRoles([]),
  close: () => undefined,
  onGoAway: () => false,
  depart: () => undefined,
  onGap: () => undefined,
  onBookmark: () => undefined,
};

/** Takes every frame, and says what the test wants of what the kernel has taken. */
export class NoticeSocket implements Socket {
  readonly isOpen = true;
  buffered = 0;
  readonly #onNotice: (notice: PresenceNotice) => void;

  constructor(onNotice: (notice: PresenceNotice) => void) {
    this.#onNotice = onNotice;
  }

  send(frame: Frame): SendOutcome {
    // What the encoder of these tests wrote.
    this.#onNotice(JSON.parse(Buffer.from(frame.bytes).toString()) as PresenceNotice);
    return 'sent';
  }

  write(): number {
    return 0;
  }

  bufferedBytes(): number {
    return this.buffered;
  }

  end(): void {
    // Nobody ends it.
  }

  cut(): void {
    // Nobody cuts it.
  }
}

class NoticeEncoder implements Encoder {
  readonly name = 'notices';

  encodeReply(reply: unknown): Frame {
    return { bytes: Buffer.from(JSON.stringify(reply)), isBinary: false };
  }

  encodeMessage(): Frame {
    return assert.fail('nothing is published here');
  }
}
