/**
 * Connections that another node serves than the one that their id names, as this node has heard.
 * Bounded: what is forgotten is found again by asking the node of the id, or all nodes.
 */
import type { Move } from '../ports.ts';

const entriesMax = 100_000;

export class MovedConnections {
  readonly #moves = new Map<string, Move>();

  get size(): number {
    return this.#moves.size;
  }

  /** A node has taken the connection over. News of an earlier term change nothing. */
  moved(connectionId: string, nodeId: string, term: number): void {
    const known = this.#moves.get(connectionId);
    if (known !== undefined && known.term >= term) return;
    this.#moves.delete(connectionId);
    this.#moves.set(connectionId, { nodeId, term });
    if (this.#moves.size <= entriesMax) return;
    for (const oldest of this.#moves.keys()) {
      this.#moves.delete(oldest);
      break;
    }
  }

  /** The connection is over. */
  ended(connectionId: string): void {
    this.#moves.delete(connectionId);
  }

  /** undefined: it was never taken over, or that is not known here. */
  nodeOf(connectionId: string): string | undefined {
    return this.#moves.get(connectionId)?.nodeId;
  }

  /** The same, with the term in which the node serves it. */
  moveOf(connectionId: string): Move | undefined {
    return this.#moves.get(connectionId);
  }
}
