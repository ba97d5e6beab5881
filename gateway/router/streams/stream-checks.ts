/**
 * Asks the store regularly where the streams of this node end: a lost last message shows in no
 * chain. After anything that may have lost messages all streams are verified, the most watched
 * first, and nothing is handed out of a stream until it is.
 */
import type { StreamStore } from '../../../backplanes/stream-store.ts';
import type { Clock } from '../../clock.ts';
import type { StreamKeeper } from './stream-keeper.ts';
import type { StreamState } from './stream-state.ts';

export interface StreamChecksOptions {
  readonly keeper: StreamKeeper;
  readonly store: StreamStore;
  readonly clock: Clock;
  /** An idle stream is checked this often at least, in ms. */
  readonly periodMs: number;
  /** 0 to 1. */
  readonly random: () => number;
  readonly onFailed: () => void;
}

const sweepsPerPeriod = 8;
/** A sweep that comes this much too late says that the process slept. */
const lateMs = 2000;
const streamsPerQuestionMax = 500;
const questionsMax = 8;

export class StreamChecks {
  readonly #options: StreamChecksOptions;
  readonly #sweepMs: number;
  #stopSweeping: (() => void) | undefined;
  #sweptAtMs = 0;
  #questions = 0;

  constructor(options: StreamChecksOptions) {
    this.#options = options;
    this.#sweepMs = options.periodMs / sweepsPerPeriod;
  }

  start(): void {
    const { clock } = this.#options;
    this.#sweptAtMs = clock.monotonicMs();
    this.#stopSweeping = clock.every(this.#sweepMs, () => this.#sweep());
  }

  stop(): void {
    this.#stopSweeping?.();
    this.#stopSweeping = undefined;
  }

  /** Messages may have been lost on the way to this node, or at the broker. */
  doubt(keys: readonly string[] | 'all'): void {
    const { keeper } = this.#options;
    const wanted = keys === 'all' ? undefined : new Set(keys);
    const states = [...keeper.states].filter(
      ({ target }) => wanted === undefined || wanted.has(target.key),
    );
    // All of them at once, before anything more of any of them is handed out.
    states.sort((a, b) => b.target.members.length - a.target.members.length);
    for (const state of states) keeper.doubt(state);
  }

  /** The link to the broker is lost: what comes when it is back is not handed out unverified. */
  distrust(): void {
    for (const state of this.#options.keeper.states) state.doubts += 1;
  }

  #sweep(): void {
    const { clock, keeper, store } = this.#options;
    const now = clock.monotonicMs();
    const isLate = now - this.#sweptAtMs > this.#sweepMs + lateMs;
    this.#sweptAtMs = now;
    if (isLate) this.doubt('all');
    if (!store.isUp()) return;
    const due: StreamState[] = [];
    for (const state of keeper.states) {
      if (state.dueAtMs > now || !state.isSound || state.isPursuing) continue;
      due.push(state);
      if (due.length >= streamsPerQuestionMax) {
        if (!this.#ask(due.splice(0))) return;
      }
    }
    if (due.length > 0) this.#ask(due);
  }

  /** False: enough questions are under way. */
  #ask(states: readonly StreamState[]): boolean {
    if (this.#questions >= questionsMax) return false;
    this.#questions += 1;
    const { clock, keeper, periodMs, random, store } = this.#options;
    const now = clock.monotonicMs();
    const asked = states.map((state) => {
      // Spread, and never later than the period.
      state.dueAtMs = now + periodMs * (0.5 + 0.4 * random());
      return { state, fanned: state.fanned };
    });
    store
      .tops(states.map(({ ref }) => ref))
      .then((tops) => {
        for (const [index, { fanned, state }] of asked.entries()) {
          const top = tops[index];
          if (top !== undefined) keeper.onTop(state, top, fanned);
        }
      }, this.#options.onFailed)
      .finally(() => {
        this.#questions -= 1;
      });
    return true;
  }
}
