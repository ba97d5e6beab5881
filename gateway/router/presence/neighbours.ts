/**
 * Which other nodes there are, for presence: members of a silent node are hidden before it is dead,
 * and come back with it; members of one that left are kept while they may come back elsewhere.
 */
import type { Clock } from '../../clock.ts';
import type { Leases } from './leases.ts';
import type { PresenceMessage } from './messages.ts';
import type { Peers } from './peers.ts';
import type { PresenceCounters } from './presence-counters.ts';

/** The node bus as presence needs it. */
export interface NeighbourBus {
  readonly counters: PresenceCounters;
  /** Counts how often this node has doubted what it heard. */
  readonly incarnation: number;
  /** The other nodes that are not dead. */
  others(): Iterable<Neighbour>;
  /** Sends to one node; it may get lost. */
  tell(nodeId: string, message: PresenceMessage): void;
}

export interface Neighbour {
  readonly nodeId: string;
  readonly silentMs: number;
  readonly incarnation: number;
}

export interface NeighboursOptions {
  readonly bus: NeighbourBus;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly peers: Peers;
  readonly leases: Pick<Leases, 'drop' | 'round'>;
  readonly hide: (nodeId: string, isHidden: boolean) => void;
  readonly drop: (nodeId: string) => void;
  /** Silence in ms after which a node's members are hidden. */
  readonly awayAfterMs: number;
  /** How long members of a node that left are kept, in ms. */
  readonly graceMs: number;
  readonly counters: Pick<PresenceCounters, 'nodesAway'>;
}

interface Known {
  incarnation: number;
  isHidden: boolean;
  /** When what it had is dropped; undefined: it is there. */
  dropAtMs: number | undefined;
}

const digestPeriodMs = 1000;
/** A node that has said nothing for so long in ms is not waited for. */
const slowMs = 2500;

export class Neighbours {
  readonly #options: NeighboursOptions;
  readonly #known = new Map<string, Known>();
  #incarnation: number | undefined;
  #digestsAtMs = 0;

  constructor(options: NeighboursOptions) {
    this.#options = options;
  }

  /** Those that can be expected to answer now. */
  *answering(): Iterable<string> {
    for (const { nodeId, silentMs } of this.#options.bus.others()) {
      if (silentMs < slowMs) yield nodeId;
    }
  }

  /** Something came from a node, of which the last round may not have known. */
  noticed(nodeId: string): void {
    if (!this.#known.has(nodeId)) this.#look();
  }

  /** Looks at all nodes, and tells them what it is time for. */
  round(): void {
    this.#look();
    const { clock, leases, peers } = this.#options;
    peers.round();
    const now = clock.monotonicMs();
    if (now - this.#digestsAtMs < digestPeriodMs) return;
    this.#digestsAtMs = now;
    leases.round();
  }

  #look(): void {
    const bus = this.#options.bus;
    const there = new Set<string>();
    for (const neighbour of bus.others()) {
      there.add(neighbour.nodeId);
      this.#see(neighbour);
    }
    for (const [nodeId, known] of this.#known) if (!there.has(nodeId)) this.#miss(nodeId, known);
    // This node was deaf: everything may have changed.
    if (this.#incarnation !== undefined && this.#incarnation !== bus.incarnation) {
      for (const nodeId of there) this.#options.peers.doubt(nodeId);
    }
    this.#incarnation = bus.incarnation;
  }

  #see({ incarnation, nodeId, silentMs }: Neighbour): void {
    const { awayAfterMs, counters, hide, peers } = this.#options;
    const known = this.#known.get(nodeId);
    if (known === undefined) {
      this.#known.set(nodeId, { incarnation, isHidden: false, dropAtMs: undefined });
      peers.add(nodeId);
      return;
    }
    const isHidden = silentMs > awayAfterMs;
    const wasAway = known.isHidden || known.dropAtMs !== undefined;
    known.dropAtMs = undefined;
    if (isHidden !== known.isHidden) hide(nodeId, isHidden);
    if (isHidden && !known.isHidden) counters.nodesAway += 1;
    known.isHidden = isHidden;
    const isBack = wasAway && !isHidden;
    if (isBack || known.incarnation !== incarnation) peers.doubt(nodeId);
    known.incarnation = incarnation;
  }

  #miss(nodeId: string, known: Known): void {
    const { clock, drop, graceMs, leases, peers } = this.#options;
    const now = clock.monotonicMs();
    leases.drop(nodeId);
    // Who was hidden is dead by now; who was not has said good-bye.
    known.dropAtMs ??= known.isHidden ? now : now + graceMs;
    if (known.dropAtMs > now) return;
    this.#known.delete(nodeId);
    peers.drop(nodeId);
    drop(nodeId);
  }
}
