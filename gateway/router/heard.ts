/**
 * How far one destination's live traffic has been heard, by publishing node. The counters that
 * envelopes carry show what is missing, comes twice or comes late, and they are the cut at which a
 * connection changes its node.
 */
import { counterBegins, type EnvelopeView } from '../../backplanes/envelope.ts';
import type { RouterCounters } from './router-counters.ts';

/** Publishing nodes remembered per destination; the one heard first is forgotten first. */
const publishersMax = 256;

export class Heard {
  // Most destinations have one publishing node at a time: it costs no map.
  #nodeId: string;
  #counter: number;
  #others: Map<string, number> | undefined = undefined;

  constructor(envelope: EnvelopeView) {
    this.#nodeId = envelope.nodeId;
    this.#counter = envelope.counter;
  }

  /** One more envelope has arrived; says in the counters what is wrong with it. */
  take(envelope: EnvelopeView, counters: HeardCounters): void {
    const { counter, nodeId } = envelope;
    if (nodeId !== this.#nodeId) this.#turnTo(nodeId);
    const before = this.#counter;
    if (counter > before) {
      // The first of a node says nothing of those before it.
      if (before > 0 && counter !== before + 1 && !counterBegins(counter)) {
        counters.liveHoles += counter - before - 1;
      }
      this.#counter = counter;
    } else if (counter === before) counters.liveRepeats += 1;
    else counters.liveInversions += 1;
  }

  /** The last counter of each publishing node. */
  last(): [nodeId: string, counter: number][] {
    const others = [...(this.#others ?? [])].filter(([nodeId]) => nodeId !== this.#nodeId);
    return [[this.#nodeId, this.#counter], ...others];
  }

  #turnTo(nodeId: string): void {
    const others = (this.#others ??= new Map<string, number>());
    others.delete(this.#nodeId);
    others.set(this.#nodeId, this.#counter);
    this.#counter = others.get(nodeId) ?? 0;
    this.#nodeId = nodeId;
    if (others.size <= publishersMax) return;
    for (const oldest of others.keys()) {
      others.delete(oldest);
      break;
    }
  }
}

export type HeardCounters = Pick<RouterCounters, 'liveHoles' | 'liveRepeats' | 'liveInversions'>;
