/**
 * Keeps every stream of this node in order: hands an entry to the members only as the successor of
 * what they have, reads the store where the chain breaks, and tells what cannot be had any more.
 */
import type {
  Position,
  ReadResult,
  StreamEntry,
  StreamStore,
  StreamTop,
} from '../../../backplanes/stream-store.ts';
import { EnvelopeView } from '../../../backplanes/envelope.ts';
import { isLossMark } from '../../../backplanes/loss-mark.ts';
import type { Clock } from '../../clock.ts';
import type { GapNoticeReason } from '../../protocol/model.ts';
import type { Deliveries } from '../deliveries.ts';
import type { Fanout } from '../fanout.ts';
import type { Target } from '../target.ts';
import { commonPlace } from './common-place.ts';
import { Gate } from './gate.ts';
import type { LossMarks } from './loss-marks.ts';
import { readEntries } from './read-entries.ts';
import { StreamState, type StreamBounds } from './stream-state.ts';
import type { StreamCounters } from './stream-counters.ts';
import { tellBookmark, tellGap } from './notices.ts';

export interface StreamKeeperOptions {
  readonly store: StreamStore;
  readonly clock: Clock;
  readonly fanout: Fanout;
  readonly deliveries: Deliveries;
  readonly bounds: StreamBounds;
  readonly counters: StreamCounters;
  readonly losses: Pick<LossMarks, 'mark'>;
  /** For what nobody waits for: an entry that cannot be read. */
  readonly onError: (error: unknown) => void;
}

/** Entries per read. */
const pageMax = 500;
/** Reads at the same time; more wait in the order in which they were wanted. */
const readsMax = 64;
const retryBaseMs = 100;
const retryMaxMs = 2000;

export class StreamKeeper {
  readonly #options: StreamKeeperOptions;
  readonly #states = new WeakMap<Target, StreamState>();
  readonly #open = new Set<StreamState>();
  readonly #reads = new Gate(readsMax);
  /** Ends the pauses of pursuits that failed. */
  readonly #pauses = new Set<() => void>();

  constructor(options: StreamKeeperOptions) {
    this.#options = options;
  }

  /** Streams of which this node has interest. */
  get states(): ReadonlySet<StreamState> {
    return this.#open;
  }

  /** The state of a target that is a stream, made when it is not there yet. */
  stateOf(target: Target): StreamState | undefined {
    const { key, rules } = target;
    const known = this.#states.get(target);
    if (known !== undefined || rules.retention === undefined) return known;
    const ref = { key, retention: rules.retention };
    const state = new StreamState(target, ref, this.#options.bounds);
    this.#states.set(target, state);
    return state;
  }

  /** The broker has confirmed the interest: finds out where the stream ends. Idempotent. */
  open(state: StreamState): void {
    if (state.phase !== 'closed') return;
    state.begin();
    this.#open.add(state);
    this.#pursue(state);
  }

  /** The interest ends: nothing that was known holds any more. */
  close(target: Target): void {
    const state = this.#states.get(target);
    if (state === undefined) return;
    this.#open.delete(state);
    state.close();
  }

  /** Closes all: nothing is read any more, and no timer is left. */
  closeAll(): void {
    for (const { target } of this.#open) this.close(target);
    for (const end of this.#pauses) end();
  }

  /** An entry came on the live path. */
  onLive(target: Target, entry: StreamEntry): void {
    const state = this.#states.get(target);
    const { counters } = this.#options;
    if (state === undefined || state.phase === 'closed') {
      counters.unclaimed += 1;
      return;
    }
    if (!state.isSound || entry.epoch !== state.fanned.epoch) {
      if (state.phase === 'live' && entry.epoch !== state.fanned.epoch) state.doubts += 1;
      this.#hold(state, entry);
    } else if (entry.offset <= state.fanned.offset) {
      this.#repeated(state, entry);
    } else if (isSuccessor(state, entry)) {
      this.#accept(state, entry);
      if (state.held.size > 0) this.#takeHeld(state);
    } else {
      counters.breaks += 1;
      this.#hold(state, entry);
    }
  }

  /** Whether the stream still is where this node thinks must be checked. */
  doubt(state: StreamState): void {
    state.doubts += 1;
    this.#pursue(state);
  }

  /** The store said where the stream ends, asked when `fanned` was the place. */
  onTop(state: StreamState, top: StreamTop, fanned: Position): void {
    if (!state.isSound || state.fanned.epoch !== fanned.epoch) return;
    const { end, newest } = top;
    const isElsewhere =
      end.epoch !== fanned.epoch ||
      end.offset < fanned.offset ||
      (newest.offset === fanned.offset && newest.tag !== fanned.tag);
    if (isElsewhere) {
      this.doubt(state);
    } else if (newest.offset > state.fanned.offset) {
      this.#options.counters.foundByCheck += 1;
      state.isBehind = true;
      this.#pursue(state);
    } else {
      if (end.offset > state.fanned.offset && state.held.size === 0) this.#lift(state, end);
    }
  }

  /** An offset that was handed out comes again: the same publication, or another history. */
  #repeated(state: StreamState, entry: StreamEntry): void {
    const { counters } = this.#options;
    const known =
      entry.offset === state.fanned.offset ? state.fanned.tag : state.recent.tagAt(entry.offset);
    if (known === undefined || known === entry.tag) {
      counters.repeats += 1;
      return;
    }
    state.doubts += 1;
    this.#hold(state, entry);
  }

  #hold(state: StreamState, entry: StreamEntry): void {
    this.#options.counters.held += 1;
    state.held.add(entry);
    this.#pursue(state);
  }

  /** Reads the store until nothing is missing. One at a time for each stream. */
  #pursue(state: StreamState): void {
    if (state.isPursuing) return;
    state.isPursuing = true;
    void this.#pursuit(state).finally(() => {
      state.isPursuing = false;
      // It may have been closed and opened again meanwhile.
      if (state.phase === 'opening' || (state.phase === 'live' && state.isIncomplete)) {
        this.#pursue(state);
      }
    });
  }

  async #pursuit(state: StreamState): Promise<void> {
    const { generation } = state;
    let pauseMs = retryBaseMs;
    const isCurrent = (): boolean => state.generation === generation;
    while (isCurrent() && (state.phase === 'opening' || state.isIncomplete)) {
      try {
        await (state.phase === 'opening'
          ? this.#findEnd(state, isCurrent)
          : this.#readOn(state, isCurrent));
        pauseMs = retryBaseMs;
      } catch {
        // The broker is away; readiness and the publishers tell. Members keep what they have.
        this.#options.counters.failedReads += 1;
        if (isCurrent()) state.settle(false);
        await this.#pause(pauseMs);
        pauseMs = Math.min(pauseMs * 2, retryMaxMs);
      }
    }
  }

  async #findEnd(state: StreamState, isCurrent: () => boolean): Promise<void> {
    const { doubts } = state;
    const [top] = await this.#options.store.tops([state.ref]);
    if (!isCurrent() || top === undefined) return;
    state.moveTo(top.end);
    state.phase = 'live';
    state.settledDoubts = doubts;
    state.settle(true);
    this.#takeHeld(state);
  }

  async #readOn(state: StreamState, isCurrent: () => boolean): Promise<void> {
    const { held, isBehind, isDoubtful } = state;
    const [lowest] = held.sorted();
    const isToTheEnd = isDoubtful || isBehind || held.hasOverflowed || lowest?.prev === undefined;
    if (isToTheEnd) await this.#readToEnd(state, isCurrent);
    else await this.#fillHole(state, lowest, isCurrent);
    if (isCurrent() && !state.isIncomplete) state.settle(true);
  }

  async #readToEnd(state: StreamState, isCurrent: () => boolean): Promise<void> {
    const { doubts, fanned: after, held } = state;
    const heldBefore = held.sorted();
    held.hasOverflowed = false;
    state.isBehind = false;
    const result = await this.#read(state, after, undefined);
    if (!isCurrent()) return;
    if (result.status === 'diverged') {
      await this.#startOver(state, result.top, isCurrent);
      return;
    }
    this.#take(state, result, after);
    state.isBehind ||= result.hasMore;
    if (result.hasMore) return;
    // What was held before the store was asked has been read, or is of a history that is gone.
    for (const entry of heldBefore) held.remove(entry);
    state.settledDoubts = doubts;
    if (result.top.end.offset > state.fanned.offset) state.fanned = result.top.end;
    this.#takeHeld(state);
  }

  /** Reads what lies before an entry that came too early. */
  async #fillHole(
    state: StreamState,
    lowest: StreamEntry,
    isCurrent: () => boolean,
  ): Promise<void> {
    const { fanned: after, held } = state;
    const result = await this.#read(state, after, lowest.prev);
    if (!isCurrent()) return;
    const { newest } = result.top;
    if (result.status === 'diverged' || newest.offset < lowest.offset) {
      // Something came that the store does not have: it has lost it, and perhaps more.
      state.doubts += 1;
      return;
    }
    this.#take(state, result, after);
    if (result.hasMore) return;
    // Nothing lies between what was handed out and this one.
    if (held.remove(lowest) && lowest.offset > state.fanned.offset) this.#accept(state, lowest);
    this.#takeHeld(state);
  }

  async #read(state: StreamState, after: Position, upTo: number | undefined): Promise<ReadResult> {
    const { counters, store } = this.#options;
    counters.repairs += 1;
    try {
      const request = { after, upTo, limit: pageMax };
      return await this.#reads.run(() => readEntries(store, state.ref, request));
    } catch (error) {
      state.isBehind = true;
      throw error;
    }
  }

  #take(
    state: StreamState,
    { entries, isComplete, top }: Extract<ReadResult, { status: 'read' }>,
    after: Position,
  ): void {
    // Live entries may have come in their place meanwhile, but then nothing was missing.
    if (!isComplete && state.fanned === after) {
      const [first] = entries;
      state.moveTo(first === undefined ? top.end : before(first, after));
      this.#tellMoved(state, after, 'retention');
      if (first !== undefined) {
        this.#accept(state, first);
        // What came before it is not known: the run of recent entries begins behind it.
        if (first.prev === undefined) state.recent.reset(first);
      }
    }
    for (const entry of entries) {
      if (entry.offset > state.fanned.offset) this.#accept(state, entry);
    }
  }

  /** The broker came back with another history: goes back to what both have in common. */
  async #startOver(state: StreamState, top: StreamTop, isCurrent: () => boolean): Promise<void> {
    const { fanned, recent } = state;
    const { epoch } = top.end;
    const isSameEpoch = epoch === fanned.epoch;
    const common = isSameEpoch
      ? await commonPlace(this.#options.store, state.ref, epoch, recent.places())
      : undefined;
    if (!isCurrent()) return;
    this.#options.counters.diverged += 1;
    if (isSameEpoch) this.#options.losses.mark(state.ref, { ...top.newest, ...common });
    state.isBehind = true;
    if (common !== undefined) {
      state.goBackTo({ epoch, ...common });
    } else {
      // What a new epoch has is new to everybody; of an old one nobody knows what they have.
      state.moveTo(isSameEpoch ? top.end : { epoch, offset: 0, tag: 0 });
    }
    this.#tellMoved(state, fanned, 'diverged');
  }

  #tellMoved(state: StreamState, from: Position, reason: GapNoticeReason): void {
    const place = state.fanned;
    this.#options.counters.gaps += 1;
    tellGap(state.target, this.#options.fanout, { reason, from, position: place });
  }

  /** Hands out what was held, as far as it follows without a hole. */
  #takeHeld(state: StreamState): void {
    if (state.isDoubtful) return;
    for (const entry of state.held.sorted()) {
      const isOld = entry.epoch !== state.fanned.epoch || entry.offset <= state.fanned.offset;
      if (!isOld && !isSuccessor(state, entry)) return;
      state.held.remove(entry);
      if (!isOld) this.#accept(state, entry);
    }
  }

  #accept(state: StreamState, entry: StreamEntry): void {
    const { counters, deliveries, fanout, onError } = this.#options;
    const { fanned: from, target } = state;
    counters.entries += 1;
    state.fanned = { epoch: entry.epoch, offset: entry.offset, tag: entry.tag };
    state.recent.append(entry);
    if (target.members.length === 0) return;
    if (isLossMark(entry.bytes)) {
      counters.gaps += 1;
      tellGap(target, fanout, { reason: 'diverged', from, position: state.fanned });
      return;
    }
    try {
      fanout.collect(deliveries.live(new EnvelopeView(entry.bytes), entry), target);
    } catch (error) {
      counters.unreadable += 1;
      onError(error);
      tellGap(target, fanout, { reason: 'diverged', from: state.fanned, position: state.fanned });
    }
  }

  /** Streams that share one sequence: the place of an idle one moves with the others. */
  #lift(state: StreamState, end: Position): void {
    const now = this.#options.clock.monotonicMs();
    state.fanned = end;
    if (now - state.bookmarkedAtMs < state.ref.retention.ageMsMax / 4) return;
    state.bookmarkedAtMs = now;
    tellBookmark(state.target, this.#options.fanout, end);
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        stop();
        this.#pauses.delete(end);
        resolve();
      };
      const stop = this.#options.clock.after(ms, end);
      this.#pauses.add(end);
    });
  }
}

/**
 * Nothing lies between what was handed out and this entry. Where the store has forgotten what came
 * before, somebody may have emptied the stream: then it has to be asked.
 */
function isSuccessor({ fanned }: StreamState, { prev }: StreamEntry): boolean {
  return prev !== undefined && prev <= fanned.offset;
}

/**
 * The place before an entry, as far as it is known. It has no tag, so that nobody who has less than
 * that is taken for somebody who stands there.
 */
function before({ epoch, offset, prev }: StreamEntry, after: Position): Position {
  const isKnown = prev !== undefined && prev < offset;
  return { epoch, offset: isKnown ? Math.max(prev, after.offset) : after.offset, tag: 0 };
}
