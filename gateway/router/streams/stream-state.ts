/**
 * What a node knows of one stream that it has interest in: how far it has handed entries to its
 * members, what came too early, and whether all that can be believed.
 */
import type { Position, StreamRef } from '../../../backplanes/stream-store.ts';
import type { RingBudget } from '../backlog.ts';
import type { Target } from '../target.ts';
import { HeldEntries } from './held-entries.ts';
import { RecentEntries } from './recent-entries.ts';

const nowhere: Position = { epoch: '', offset: 0, tag: 0 };

export interface StreamBounds {
  readonly recentBytesMax: number;
  readonly recentBudget: RingBudget;
}

export class StreamState {
  readonly target: Target;
  readonly ref: StreamRef;
  readonly recent: RecentEntries;
  readonly held = new HeldEntries();
  /** `opening`: it is being found out where the stream ends; what comes meanwhile is held. */
  phase: 'closed' | 'opening' | 'live' = 'closed';
  /** Another one after each opening and closing: test it after every await. */
  generation = 0;
  /** Everything up to here was handed to the members. Changes together with `recent`. */
  fanned: Position = nowhere;
  /** Counts the reasons to check whether `fanned` still lies in the store's history. */
  doubts = 0;
  /** As many of them as were checked. */
  settledDoubts = 0;
  /** A check has found that there is more than was handed out. */
  isBehind = false;
  /** Monotonic ms when it is to be checked next. */
  dueAtMs = 0;
  bookmarkedAtMs = 0;
  /** True while the store is being read for it. */
  isPursuing = false;
  readonly #waiters = new Set<{ readonly resolve: () => void; readonly reject: () => void }>();

  constructor(target: Target, ref: StreamRef, bounds: StreamBounds) {
    this.target = target;
    this.ref = ref;
    this.recent = new RecentEntries(nowhere, bounds.recentBytesMax, bounds.recentBudget);
  }

  get isDoubtful(): boolean {
    return this.doubts !== this.settledDoubts;
  }

  /** True: `fanned` can be believed, and members may be added. */
  get isSound(): boolean {
    return this.phase === 'live' && !this.isDoubtful;
  }

  /** True: the store is to be read. */
  get isIncomplete(): boolean {
    const { hasOverflowed, size } = this.held;
    return this.isDoubtful || this.isBehind || hasOverflowed || size > 0;
  }

  /** Goes back to a place that was handed out: what came after it is not history any more. */
  goBackTo(place: Position): void {
    this.fanned = place;
    this.recent.cutAfter(place.offset);
  }

  /** Begins anew behind a place; in one step with everything that depends on it. */
  moveTo(place: Position): void {
    this.fanned = place;
    this.recent.reset(place);
  }

  begin(): void {
    this.generation += 1;
    this.phase = 'opening';
    this.settledDoubts = this.doubts;
    this.isBehind = false;
    this.held.clear();
    this.held.hasOverflowed = false;
  }

  close(): void {
    this.generation += 1;
    this.phase = 'closed';
    this.held.clear();
    this.held.hasOverflowed = false;
    this.moveTo(nowhere);
    this.settle(false);
  }

  /** Resolves when it is sound; rejects with what `failure` makes when that is given up. */
  sound(failure: () => Error): Promise<void> {
    if (this.isSound) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiters.add({ resolve, reject: () => reject(failure()) });
    });
  }

  /** Tells those who wait that it is sound, or that it will not be soon. */
  settle(isSound: boolean): void {
    if (this.#waiters.size === 0) return;
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    for (const { reject, resolve } of waiters) {
      if (isSound) resolve();
      else reject();
    }
  }
}
