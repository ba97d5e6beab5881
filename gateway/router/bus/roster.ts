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
  readonly onDead?: (nodeId: string) => void;
}

export type NodeState = 'alive' | 'suspect';

interface Peer {
  incarnation: number;
  heardAtMs: number;
}

export class Roster {
  readonly #options: RosterOptions;
  readonly #peers = new Map<string, Peer>();

  constructor(options: RosterOptions) {
    this.#options = options;
  }

  /**
   * A sign of life. False: it is of an older incarnation of the node than is known, and what came
   * with it must be dropped.
   */
  heard(nodeId: string, incarnation: number): boolean {
    if (nodeId === this.#options.nodeId) return true;
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

  /** The node said that it goes. */
  left(nodeId: string): void {
    this.#remove(nodeId);
  }

  /** Declares dead who was silent too long. Call it about every second. */
  sweep(): void {
    const before = this.#options.clock.monotonicMs() - this.#options.deadAfterMs;
    for (const [nodeId, { heardAtMs }] of this.#peers) {
      if (heardAtMs < before) this.#remove(nodeId);
    }
  }

  /**
   * This node slept: the silence of the others was its own. They get the whole time again.
   */
  forgive(): void {
    const now = this.#options.clock.monotonicMs();
    for (const peer of this.#peers.values()) peer.heardAtMs = now;
  }

  /** Every node that is not dead, this one included. */
  nodes(): string[] {
    return [this.#options.nodeId, ...this.#peers.keys()];
  }

  /** undefined: not known, or dead. */
  state(nodeId: string): NodeState | undefined {
    if (nodeId === this.#options.nodeId) return 'alive';
    const peer = this.#peers.get(nodeId);
    if (peer === undefined) return undefined;
    const silentMs = this.#options.clock.monotonicMs() - peer.heardAtMs;
    return silentMs > this.#options.suspectAfterMs ? 'suspect' : 'alive';
  }

  #remove(nodeId: string): void {
    if (this.#peers.delete(nodeId)) this.#options.onDead?.(nodeId);
  }
}
