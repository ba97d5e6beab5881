/**
 * Which nodes there are, as this node has heard. A silent node is suspect first and dead later;
 * both are reversible. Only this node's monotonic clock is used: times are never compared between
 * nodes.
 */
import type { Clock } from '../../clock.ts';

export interface RosterOptions {
  readonly nodeId: string;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  /** Silence in ms after which a node is suspect; it may only be paused. */
  readonly suspectAfterMs: number;
  /** Silence in ms after which a node is dead, and what it held is gone. */
  readonly deadAfterMs: number;
}

export type NodeState = 'alive' | 'suspect';

/** A node, and for how long the one who tells has not heard it. */
export interface Silence {
  readonly node: string;
  readonly silentMs: number;
}

interface Peer {
  incarnation: number;
  heardAtMs: number;
}

export class Roster {
  readonly #options: RosterOptions;
  readonly #peers = new Map<string, Peer>();
  /** Nodes that said good-bye, with the time: what they sent before may arrive after it. */
  readonly #left = new Map<string, number>();

  constructor(options: RosterOptions) {
    this.#options = options;
  }

  /**
   * A sign of life of another node. False: it is of an older incarnation, or of a node that has
   * left; drop what came with it.
   */
  heard(nodeId: string, incarnation: number): boolean {
    if (this.#left.has(nodeId)) return false;
    const heardAtMs = this.#options.clock.monotonicMs();
    const peer = this.#peers.get(nodeId);
    if (peer === undefined) {
      this.#peers.set(nodeId, { incarnation, heardAtMs });
      return true;
    }
    if (incarnation < peer.incarnation) return false;
    peer.incarnation = incarnation;
    peer.heardAtMs = heardAtMs;
    return true;
  }

  /** Another node tells whom it knows; one of them may be paused, and silent for everybody. */
  learn(peers: readonly Silence[]): void {
    const { clock, deadAfterMs, nodeId } = this.#options;
    for (const { node, silentMs } of peers) {
      const isNews = node !== nodeId && !this.#peers.has(node) && !this.#left.has(node);
      if (!isNews || silentMs > deadAfterMs) continue;
      this.#peers.set(node, { incarnation: 0, heardAtMs: clock.monotonicMs() - silentMs });
    }
  }

  /** What `learn` of another node takes. */
  silences(): Silence[] {
    const now = this.#options.clock.monotonicMs();
    return [...this.#peers].map(([node, { heardAtMs }]) => ({ node, silentMs: now - heardAtMs }));
  }

  /** The node said that it goes. Its id never comes back. */
  left(nodeId: string): void {
    this.#peers.delete(nodeId);
    this.#left.set(nodeId, this.#options.clock.monotonicMs());
  }

  /** True: the node has said good-bye, and not so long ago that it is forgotten. */
  hasLeft(nodeId: string): boolean {
    return this.#left.has(nodeId);
  }

  /**
   * Removes who was silent too long, and returns them.
   * @param withinMs who will be dead by then is dead now.
   */
  sweep(withinMs: number): readonly string[] {
    const before = this.#options.clock.monotonicMs() + withinMs - this.#options.deadAfterMs;
    for (const [nodeId, leftAtMs] of this.#left) {
      if (leftAtMs < before) this.#left.delete(nodeId);
    }
    const dead = [...this.#peers].filter(([, { heardAtMs }]) => heardAtMs < before);
    for (const [nodeId] of dead) this.#peers.delete(nodeId);
    return dead.map(([nodeId]) => nodeId);
  }

  /** This node was deaf: the silence of the others was its own. They get the whole time again. */
  forgive(): void {
    const now = this.#options.clock.monotonicMs();
    for (const peer of this.#peers.values()) peer.heardAtMs = now;
  }

  /** Every other node that is not dead, and how long it has been silent. */
  *others(): Iterable<Silence & { readonly incarnation: number }> {
    const now = this.#options.clock.monotonicMs();
    for (const [node, { heardAtMs, incarnation }] of this.#peers) {
      yield { node, silentMs: now - heardAtMs, incarnation };
    }
  }

  /** Every node that is not dead, this one included. */
  nodes(): readonly string[] {
    return [this.#options.nodeId, ...this.#peers.keys()];
  }

  /** How many other nodes were heard since a time of the clock. */
  heardSince(sinceMs: number): number {
    let count = 0;
    for (const { heardAtMs } of this.#peers.values()) if (heardAtMs >= sinceMs) count += 1;
    return count;
  }

  /** undefined: not known, or dead. */
  state(nodeId: string): NodeState | undefined {
    if (nodeId === this.#options.nodeId) return 'alive';
    const peer = this.#peers.get(nodeId);
    if (peer === undefined) return undefined;
    const silentMs = this.#options.clock.monotonicMs() - peer.heardAtMs;
    return silentMs > this.#options.suspectAfterMs ? 'suspect' : 'alive';
  }
}
