/**
 * What comes for a connection that another node still serves, kept until this node takes it over.
 * Bounded: a hold that is full has lost something, and is of no use.
 */
import { counterBegins, type EnvelopeView } from '../../backplanes/envelope.ts';
import type { Cut } from './ports.ts';
import type { Target } from './target.ts';

export interface HoldOptions {
  readonly hub: string;
  readonly connectionId: string;
  readonly messagesMax: number;
  readonly bytesMax: number;
}

interface Beyond {
  readonly envelopes: readonly EnvelopeView[];
  readonly isWhole: boolean;
}

interface Held {
  /** undefined: it was sent to the connection itself. */
  readonly target: Target | undefined;
  /** Owns its bytes. */
  readonly envelope: EnvelopeView;
}

export class HeldMessages {
  readonly hub: string;
  readonly connectionId: string;
  readonly #options: HoldOptions;
  #held: Held[] = [];
  #bytes = 0;
  hasOverflowed = false;

  constructor(options: HoldOptions) {
    this.hub = options.hub;
    this.connectionId = options.connectionId;
    this.#options = options;
  }

  /** @param envelope owns its bytes. */
  take(target: Target | undefined, envelope: EnvelopeView): void {
    const { bytesMax, messagesMax } = this.#options;
    this.#bytes += envelope.byteLength;
    if (this.#bytes > bytesMax || this.#held.length >= messagesMax) {
      this.hasOverflowed = true;
      this.#held = [];
    }
    if (!this.hasOverflowed) this.#held.push({ target, envelope });
  }

  /**
   * What the other node has not given to the connection, in the order of arrival. Not whole: between
   * a cut and what follows it here something is missing.
   */
  beyond(cuts: readonly (Cut & { readonly target: Target })[]): Beyond {
    const counters = new Map(cuts.map(({ counters: last, target }) => [target, new Map(last)]));
    const beyond: EnvelopeView[] = [];
    let isWhole = true;
    for (const { envelope, target } of this.#held) {
      if (target === undefined) {
        // What was sent to the connection came by the other node, which sends on what it has not.
        beyond.push(envelope);
        continue;
      }
      const { counter, nodeId } = envelope;
      const last = counters.get(target);
      // Not a member any more, or it was given this one.
      if (last === undefined || counter <= (last.get(nodeId) ?? 0)) continue;
      const before = last.get(nodeId);
      if (before !== undefined && counter !== before + 1 && !counterBegins(counter)) {
        isWhole = false;
      }
      last.set(nodeId, counter);
      beyond.push(envelope);
    }
    return { envelopes: beyond, isWhole };
  }
}
