/** One node of a backplane under faults: traffic that counts its outcomes, and what the sink saw. */
import {
  BackplaneUnavailableError,
  PublishOutcomeUnknownError,
  type Backplane,
  type BackplaneSink,
  type GapReason,
} from '../../backplanes/backplane.ts';
import { waitFor } from './wait.ts';

export interface Gap {
  readonly keys: readonly string[] | 'all';
  readonly reason: GapReason;
}

/** Outcomes of publishes. `strange` are errors that the contract does not know. */
export interface Outcomes {
  accepted: number;
  unavailable: number;
  unknown: number;
  readonly strange: Error[];
}

export class BackplaneNode<B extends Backplane = Backplane> {
  readonly backplane: B;
  readonly received = new Map<string, string[]>();
  readonly gaps: Gap[] = [];
  readonly links: string[] = [];
  readonly outcomes: Outcomes = { accepted: 0, unavailable: 0, unknown: 0, strange: [] };

  constructor(backplane: B) {
    this.backplane = backplane;
  }

  readonly #sink: BackplaneSink = {
    onEnvelope: (key, bytes) => {
      const texts = this.received.get(key) ?? [];
      texts.push(Buffer.from(bytes).toString());
      this.received.set(key, texts);
    },
    onGap: (keys, reason) => this.gaps.push({ keys, reason }),
    onLink: (state, detail) => this.links.push(`${state} ${detail}`),
  };

  start(): Promise<void> {
    return this.backplane.start(this.#sink);
  }

  texts(key: string): readonly string[] {
    return this.received.get(key) ?? [];
  }

  /** Publishes and counts the outcome; never rejects. */
  async publish(key: string, text: string): Promise<'accepted' | 'unavailable' | 'unknown'> {
    try {
      await this.backplane.publish(key, Buffer.from(text));
      this.outcomes.accepted += 1;
      return 'accepted';
    } catch (error) {
      if (error instanceof PublishOutcomeUnknownError) {
        this.outcomes.unknown += 1;
        return 'unknown';
      }
      if (error instanceof BackplaneUnavailableError) this.outcomes.unavailable += 1;
      else this.outcomes.strange.push(error instanceof Error ? error : new Error(String(error)));
      return 'unavailable';
    }
  }

  /** True when a gap on this key was told since the mark (a length of `gaps`). */
  toldGap(key: string, mark = 0): boolean {
    return this.gaps.slice(mark).some(({ keys }) => keys === 'all' || keys.includes(key));
  }

  /** Publishes from `from` until one arrives here: traffic on the key flows. */
  async waitForFlow(key: string, from: BackplaneNode, deadlineMs = 15_000): Promise<void> {
    let number = 0;
    const stamp = `flow ${performance.now()} `;
    await waitFor(
      async () => {
        number += 1;
        await from.publish(key, `${stamp}${number}`);
        return this.texts(key).some((text) => text.startsWith(stamp));
      },
      { what: `publishes on ${key} arrive again`, deadlineMs },
    );
  }
}

/** Publishes on a key every few milliseconds until told to stop. */
export function traffic(node: BackplaneNode, key: string): { stop(): Promise<number> } {
  let sent = 0;
  let pending: Promise<unknown>[] = [];
  const timer = setInterval(() => {
    sent += 1;
    pending.push(node.publish(key, `n${sent}`));
  }, 5);
  return {
    stop: async () => {
      clearInterval(timer);
      await Promise.all(pending);
      pending = [];
      return sent;
    },
  };
}
