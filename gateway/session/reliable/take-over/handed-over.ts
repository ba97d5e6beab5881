/** The connections that this node has handed over, and its good-bye to those who write to them. */
import type { Clock } from '../../../clock.ts';
import type { Handovers, Move, NodeCalls } from '../../../router/ports.ts';
import { takeOverCalls } from './messages.ts';
import { inPieces, type Adopted } from './news.ts';

export interface HandedOverOptions {
  readonly calls: Pick<NodeCalls, 'nodeId' | 'askAll' | 'leaves'>;
  readonly handovers: Pick<Handovers, 'caughtUp'>;
  readonly clock: Pick<Clock, 'monotonicMs'>;
}

/** Connections handed over, of which this node knows. */
const rememberedMax = 100_000;
/** News of moves before that have arrived, or do not come any more. */
const recentMs = 10_000;

/**
 * To which node this one has handed connections over. Messages to them take this way as long as it
 * is there, also when they have gone on from there: so they do not overtake each other.
 */
export class HandedOver {
  readonly #options: HandedOverOptions;
  readonly #moves = new Map<string, Move & { readonly atMs: number }>();

  constructor(options: HandedOverOptions) {
    this.#options = options;
  }

  add(connectionId: string, move: Move): void {
    this.#moves.delete(connectionId);
    this.#moves.set(connectionId, { ...move, atMs: this.#options.clock.monotonicMs() });
    if (this.#moves.size <= rememberedMax) return;
    for (const oldest of this.#moves.keys()) {
      this.#moves.delete(oldest);
      break;
    }
  }

  delete(connectionId: string): void {
    this.#moves.delete(connectionId);
  }

  nodeOf(connectionId: string): string | undefined {
    return this.#moves.get(connectionId)?.nodeId;
  }

  /**
   * This node goes away: all others hear where its connections are now, then that nothing is to be
   * sent to it any more. What they have sent to it before arrives before this resolves, unless one
   * of them does not answer.
   */
  async sayGoodbye(): Promise<void> {
    const { calls, clock, handovers } = this.#options;
    const since = clock.monotonicMs() - recentMs;
    const recent: Adopted[] = [];
    for (const [id, { atMs, nodeId, term }] of this.#moves) {
      if (atMs >= since) recent.push([id, nodeId, term]);
    }
    // What this node publishes itself goes by its inbox no more.
    calls.leaves(calls.nodeId);
    for (const piece of inPieces(recent)) await calls.askAll(takeOverCalls.adopted, [piece]);
    await calls.askAll(takeOverCalls.leaving, [calls.nodeId]);
    await handovers.caughtUp();
  }
}
