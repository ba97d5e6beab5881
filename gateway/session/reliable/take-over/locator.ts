/**
 * Finds connections of which this node does not know where they are: their nodes have gone, or this
 * one has come too late to hear of their moves. All nodes are asked, for many at once: when a node
 * dies, the clients of all its connections come within seconds.
 */
import { z } from 'zod';
import type { Clock } from '../../../clock.ts';
import type { Moves, NodeCalls } from '../../../router/ports.ts';
import { takeOverCalls, whereAnswer, type Whereabouts } from './messages.ts';

export interface LocatorOptions {
  readonly calls: Pick<NodeCalls, 'nodeId' | 'askAll' | 'isAlive' | 'isGone'>;
  readonly moves: Pick<Moves, 'moveOf'>;
  readonly clock: Pick<Clock, 'after'>;
  /** In which term this node serves a connection; undefined: it does not have it. */
  readonly termOf: (connectionId: string) => number | undefined;
}

export interface Found {
  /** undefined: nobody has it, as far as answers have come. */
  readonly nodeId: string | undefined;
  /** False: a node did not answer, which may have it. */
  readonly isSure: boolean;
  /** True: that node has been silent for so long that it may be dead. */
  readonly isSilent: boolean;
}

const unknown: Found = { nodeId: undefined, isSure: false, isSilent: false };
/** So long a question waits for others in ms. */
const periodMs = 20;
const perMessageMax = 500;

export class Locator {
  readonly #options: LocatorOptions;
  #waiting = new Map<string, Promise<Found>>();
  #resolvers = new Map<string, (found: Found) => void>();

  constructor(options: LocatorOptions) {
    this.#options = options;
  }

  /** Never rejects: where nobody can be asked, nothing is sure. */
  find(connectionId: string): Promise<Found> {
    const waiting = this.#waiting.get(connectionId);
    if (waiting !== undefined) return waiting;
    if (this.#waiting.size === 0) this.#options.clock.after(periodMs, () => this.#askForAll());
    const found = new Promise<Found>((resolve) => {
      this.#resolvers.set(connectionId, resolve);
    });
    this.#waiting.set(connectionId, found);
    return found;
  }

  /** What this node knows of these. */
  whereabouts(connectionIds: readonly string[]): Whereabouts[] {
    const { calls, moves, termOf } = this.#options;
    return connectionIds.flatMap((id): Whereabouts[] => {
      const term = termOf(id);
      if (term !== undefined) return [[id, calls.nodeId, term, true]];
      const move = moves.moveOf(id);
      return move === undefined ? [] : [[id, move.nodeId, move.term, false]];
    });
  }

  #askForAll(): void {
    const resolvers = [...this.#resolvers];
    this.#waiting = new Map();
    this.#resolvers = new Map();
    for (let at = 0; at < resolvers.length; at += perMessageMax) {
      void this.#ask(resolvers.slice(at, at + perMessageMax));
    }
  }

  async #ask(some: readonly (readonly [string, (found: Found) => void])[]): Promise<void> {
    const { calls } = this.#options;
    try {
      const ids = some.map(([id]) => id);
      const {
        answers,
        isComplete: isSure,
        missing,
      } = await calls.askAll(takeOverCalls.where, [ids]);
      const known = [...answers.values()].flatMap((answer) => placesIn(answer));
      const isSilent = missing.some((nodeId) => !calls.isAlive(nodeId));
      for (const [id, resolve] of some) {
        resolve({ nodeId: this.#best(id, known), isSure, isSilent });
      }
    } catch {
      // The claim asks again until its time is over.
      for (const [, resolve] of some) resolve(unknown);
    }
  }

  /** Who says that it has it is right; else the last of whom others say so. */
  #best(connectionId: string, known: readonly Whereabouts[]): string | undefined {
    const { calls } = this.#options;
    let best: Whereabouts | undefined;
    for (const place of known) {
      const [id, nodeId, term, serves] = place;
      if (id !== connectionId || (!serves && calls.isGone(nodeId))) continue;
      const isBetter = best === undefined || (serves === best[3] ? term > best[2] : serves);
      if (isBetter) best = place;
    }
    return best?.[1];
  }
}

/** None in an answer that cannot be read: the node may be of another version. */
function placesIn(answer: unknown): readonly Whereabouts[] {
  return z.array(whereAnswer).safeParse(answer).data ?? [];
}
