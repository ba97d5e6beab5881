/**
 * Presence on one node: who its members are, for those who watch anywhere, and who is there over all
 * nodes, for those who watch here. Nodes talk over the node bus; nothing is stored.
 */
import type { Clock } from '../../clock.ts';
import { GatewayError } from '../../errors.ts';
import type { Limits } from '../../limits.ts';
import { stateBytes } from '../../protocol/client-state.ts';
import type { ClientState, PresenceDestination } from '../../protocol/presence-model.ts';
import type { HubTable } from '../hub-table.ts';
import type { Subscriber } from '../ports.ts';
import { Leases } from './leases.ts';
import { readPresenceMessage, type PresenceMessage } from './messages.ts';
import { Neighbours, type NeighbourBus } from './neighbours.ts';
import { Peers } from './peers.ts';
import type { Presence, WatchRequest } from './ports.ts';
import type { PresenceCounters } from './presence-counters.ts';
import { Views } from './views.ts';

export interface NodePresenceOptions {
  readonly nodeId: string;
  readonly hubs: HubTable;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly bus: NeighbourBus;
  /** Largest message of the node bus in bytes. */
  readonly bytesMax: number;
  /** 0 to 1; spreads what need not happen at once. */
  readonly random?: () => number;
}

/** Larger messages would keep others waiting. */
const messageBytesMax = 256 * 1024;
/** A snapshot is one frame, which a client must be able to take. */
const frameShare = 0.75;
const sweepMs = 100;
/** How often the time of a question to a node goes by before a watch begins without its answer. */
const triesMax = 3;

export class NodePresence implements Presence {
  readonly leases: Leases;
  readonly peers: Peers;
  readonly views: Views;
  readonly #options: NodePresenceOptions;
  readonly #neighbours: Neighbours;
  #stopSweeping: (() => void) | undefined;

  constructor(options: NodePresenceOptions) {
    const { bus, clock, hubs, limits, nodeId, random = Math.random } = options;
    this.#options = options;
    const itemBytesMax = Math.min(messageBytesMax, options.bytesMax);
    const membersMax = limits.presenceMembersMax;
    const bytesMax = Math.floor(limits.frameBytesMax * frameShare);
    const send = (to: string, message: PresenceMessage): void => this.#send(to, message);
    this.leases = new Leases({
      nodeId,
      clock,
      hubs,
      bounds: { membersMax, bytesMax, itemBytesMax, graceMs: limits.presenceGraceMs },
      send,
    });
    this.peers = new Peers({
      send,
      watched: (peerId) => this.views.versions(peerId),
      bytesMax: itemBytesMax,
      nowMs: () => clock.monotonicMs(),
      random,
      counters: bus.counters,
    });
    this.#neighbours = new Neighbours({
      bus,
      clock,
      peers: this.peers,
      leases: this.leases,
      hide: (peerId, isHidden) => this.views.hide(peerId, isHidden),
      drop: (peerId) => this.views.drop(peerId),
      awayAfterMs: limits.presenceAwayAfterMs,
      graceMs: limits.presenceGraceMs,
      counters: bus.counters,
    });
    this.views = new Views({
      nodeId,
      clock,
      bounds: { membersMax, bytesMax },
      watchesPerConnectionMax: limits.presenceWatchesPerConnectionMax,
      knownMsMax: limits.nodeAnswerTimeoutMs * triesMax,
      peers: this.peers,
      counters: bus.counters,
      answering: () => this.#neighbours.answering(),
      watchOwn: (key, isWatched) => this.#watchOwn(key, isWatched),
    });
  }

  get counters(): PresenceCounters {
    return this.#options.bus.counters;
  }

  /** Begins what goes on by itself. */
  start(): void {
    this.#stopSweeping ??= this.#options.clock.every(sweepMs, () => {
      this.leases.sweep();
      this.views.sweep();
    });
  }

  /** Idempotent. */
  stop(): void {
    this.#stopSweeping?.();
    this.#stopSweeping = undefined;
  }

  /** The node bus looks at the other nodes: call it several times a second, unless it is deaf. */
  round(): void {
    this.#neighbours.round();
  }

  /** Another node told something. @throws when it is not about presence, or cannot be read. */
  receive(from: string, call: string, args: readonly unknown[]): void {
    const message = readPresenceMessage(call, args);
    this.#neighbours.noticed(from);
    this.#take(from, message);
  }

  watch(request: WatchRequest): Promise<() => void> {
    return this.views.watch(request);
  }

  unwatch(subscriber: Subscriber, to: PresenceDestination): void {
    this.views.unwatch(subscriber, to);
  }

  forget(subscriber: Subscriber): void {
    this.views.forget(subscriber);
  }

  retell(subscriber: Subscriber): void {
    this.views.retell(subscriber);
  }

  watched(subscriber: Subscriber): readonly PresenceDestination[] {
    return this.views.watched(subscriber);
  }

  checkState(state: ClientState | undefined): void {
    const bytes = stateBytes(state);
    const bytesMax = this.#options.limits.presenceStateBytesMax;
    if (bytes <= bytesMax) return;
    throw new GatewayError(
      'bad-request',
      `The state has ${bytes} bytes, more than the ${bytesMax} that presenceStateBytesMax allows; say less`,
    );
  }

  setState(subscriber: Subscriber, group: string, state: ClientState | undefined): void {
    const { clock, hubs } = this.#options;
    this.checkState(state);
    const local = hubs.connection(subscriber.hub, subscriber.connectionId);
    const target = hubs.find(subscriber.hub, { kind: 'group', name: group });
    const membership = target && local?.membershipOf(target);
    if (membership === undefined) {
      const message = `The connection is not in group '${group}'; join it before setting a state`;
      throw new GatewayError('bad-request', message);
    }
    membership.state = { pairs: state, atMs: Math.round(clock.wallSeconds() * 1000) };
    target?.roll?.set(membership);
  }

  #take(from: string, message: PresenceMessage): void {
    switch (message.kind) {
      case 'watch':
        return this.leases.watch(from, message);
      case 'unwatch':
        return this.leases.unwatch(from, message.keys);
      case 'renew':
        return this.leases.renew(from, message.watched);
      case 'items':
        return this.views.take(from, message.items);
      case 'digest':
        return this.peers.onDigest(from, message);
    }
  }

  #send(to: string, message: PresenceMessage): void {
    const { bus, nodeId } = this.#options;
    if (to !== nodeId) bus.tell(to, message);
    else if (message.kind === 'items') this.views.take(nodeId, message.items);
  }

  #watchOwn(key: string, isWatched: boolean): void {
    const { nodeId } = this.#options;
    if (!isWatched) return this.leases.unwatch(nodeId, [key]);
    return this.leases.watch(nodeId, { pairs: [[key, 0]], isWhole: false, part: 0, isLast: true });
  }
}
