/**
 * Gives one subscriber of a stream what it missed, from the node's recent entries or from the store,
 * and makes it a member in the step in which it has everything that was handed out.
 */
import { isLossMark } from '../../../backplanes/loss-mark.ts';
import type { Position, StreamEntry, StreamStore } from '../../../backplanes/stream-store.ts';
import type { Clock } from '../../clock.ts';
import { closeCodes } from '../../protocol/close-codes.ts';
import type { Frame } from '../../protocol/codec.ts';
import type { GapNoticeReason } from '../../protocol/model.ts';
import type { Congestion } from '../congestion.ts';
import type { Deliveries } from '../deliveries.ts';
import type { Delivery, Receiver } from '../delivery.ts';
import type { Fanout } from '../fanout.ts';
import type { LocalSubscriber } from '../local-subscriber.ts';
import type { Joined } from '../ports.ts';
import type { Target } from '../target.ts';
import { Gate } from './gate.ts';
import { ownDestination } from './notices.ts';
import { asMember } from './prospective-member.ts';
import { SharedReads, type Reading } from './shared-reads.ts';
import type { StreamCounters } from './stream-counters.ts';
import type { StreamKeeper } from './stream-keeper.ts';
import type { StreamState } from './stream-state.ts';

export interface CatchUpOptions {
  readonly keeper: StreamKeeper;
  readonly store: StreamStore;
  readonly clock: Clock;
  readonly fanout: Fanout;
  readonly congestion: Congestion;
  readonly deliveries: Deliveries;
  readonly counters: StreamCounters;
  /** The stream cannot be read now. */
  readonly unavailable: () => Error;
  readonly onError: (error: unknown) => void;
}

/** One subscriber on its way into a stream. */
export interface Joiner {
  readonly state: StreamState;
  readonly subscriber: LocalSubscriber;
  readonly since: Position;
  /** False: it has left, or is gone. Asked after every wait. */
  readonly isWanted: () => boolean;
  readonly onJoined: (joined: Joined) => void;
  /** Makes it a member; called at most once, with nothing of the stream under way. */
  readonly add: () => void;
}

/** Who is given an entry, and what they had before it. */
interface Addressee {
  readonly receiver: Receiver;
  readonly target: Target;
  readonly from: Position;
}

/** Bytes of frames written at once; the socket is asked in between. */
const writeBytesMax = 64 * 1024;

export class CatchUp {
  readonly #options: CatchUpOptions;
  readonly #reads: SharedReads;
  /** Deliveries of entries that several resumers are given, as long as the entries are kept. */
  readonly #deliveries = new WeakMap<StreamEntry, Delivery>();
  /** Who reads the store for a subscriber. */
  readonly #gates = new WeakMap<LocalSubscriber, Gate>();

  constructor(options: CatchUpOptions) {
    this.#options = options;
    this.#reads = new SharedReads(options);
  }

  /** Resolves when nothing of any stream is collected and not yet written. */
  async settled(): Promise<void> {
    const { clock, fanout } = this.#options;
    while (fanout.isCollecting) {
      await new Promise<void>((resolve) => {
        clock.afterTurn(resolve);
      });
    }
  }

  /** Resolves when the stream can be believed. @throws what `unavailable` makes. */
  sound(state: StreamState): Promise<void> {
    return state.sound(this.#options.unavailable);
  }

  /**
   * Resolves when the subscriber is a member, or is not wanted any more.
   * @throws what `unavailable` makes, before `onJoined`; after it the subscriber is closed instead.
   */
  async join(joiner: Joiner): Promise<void> {
    this.#options.counters.resumes += 1;
    const journey = new Journey(joiner);
    while (joiner.isWanted()) {
      await this.#ready(journey);
      if (!joiner.isWanted()) return;
      if (!joiner.state.isSound || joiner.subscriber.isCongested) continue;
      if (this.#options.fanout.isCollecting) continue;
      const entries = this.#known(journey);
      if (entries === undefined) await this.#inTurn(journey);
      else if (this.#finish(journey, entries)) return;
    }
  }

  /** The stream can be believed, the socket takes more, and all that was handed out is written. */
  async #ready(journey: Journey): Promise<void> {
    try {
      await this.sound(journey.joiner.state);
    } catch (error) {
      this.#giveUp(journey, error);
    }
    await this.#options.congestion.whenClear(journey.joiner.subscriber);
    await this.settled();
  }

  /** What comes after the cursor, if the node knows. */
  #known({ cursor, joiner: { state } }: Journey): readonly StreamEntry[] | undefined {
    const { fanned } = state;
    if (cursor.epoch !== fanned.epoch || cursor.offset > fanned.offset) return undefined;
    if (cursor.offset === fanned.offset) return cursor.tag === fanned.tag ? [] : undefined;
    return state.recent.after(cursor);
  }

  /** True: it was given everything that was handed out, and became a member in the same step. */
  #finish(journey: Journey, entries: readonly StreamEntry[]): boolean {
    const { joiner } = journey;
    this.#tell(journey, true);
    if (this.#writePage(journey, entries).length > 0) return false;
    if (joiner.isWanted()) joiner.add();
    return true;
  }

  /** Writes what one write may hold; returns the rest. */
  #writePage(journey: Journey, entries: readonly StreamEntry[]): readonly StreamEntry[] {
    const { joiner } = journey;
    const { state, subscriber } = joiner;
    const receiver = asMember(subscriber, state.target);
    const frames: Frame[] = [];
    let bytes = 0;
    let given = 0;
    for (const entry of entries) {
      if (bytes >= writeBytesMax) break;
      given += 1;
      const { epoch, offset, tag } = entry;
      const from = journey.cursor;
      journey.cursor = { epoch, offset, tag };
      const frame = this.#frameOf(entry, { receiver, target: state.target, from });
      if (frame === undefined) continue;
      bytes += frame.bytes.length;
      frames.push(frame);
    }
    this.#options.counters.caughtUp += frames.length;
    if (frames.length > 0) this.#write(subscriber, frames);
    return entries.slice(given);
  }

  #write(subscriber: LocalSubscriber, frames: readonly Frame[]): void {
    const { encoder } = subscriber.codec;
    const list = frames.length > 1 && encoder.pack !== undefined ? [encoder.pack(frames)] : frames;
    if (subscriber.socket.write(list) > 0) this.#options.congestion.begin(subscriber);
  }

  /** What the receiver is sent for an entry; undefined: nothing. */
  #frameOf(entry: StreamEntry, { from, receiver, target }: Addressee): Frame | undefined {
    const delivery = this.#deliveries.get(entry) ?? this.#deliveryOf(entry);
    if (delivery !== undefined) {
      if (delivery.hasExpired(this.#options.clock.wallSeconds())) delivery.end();
      return delivery.frameFor(receiver);
    }
    // Told in its place: without it the next message would look like the end of a hole.
    const { epoch, offset, tag } = entry;
    return receiver.codec.encoder.encodeReply({
      kind: 'gap',
      to: ownDestination(target),
      reason: 'diverged',
      from,
      position: { epoch, offset, tag },
    });
  }

  /** Made once for an entry; undefined: it cannot be read, or marks a loss. */
  #deliveryOf(entry: StreamEntry): Delivery | undefined {
    if (isLossMark(entry.bytes)) return undefined;
    try {
      const delivery = this.#options.deliveries.kept(entry);
      this.#deliveries.set(entry, delivery);
      return delivery;
    } catch (error) {
      this.#options.counters.unreadable += 1;
      this.#options.onError(error);
      return undefined;
    }
  }

  /** One page for each subscriber: who comes back into many streams would hold as many pages. */
  async #inTurn(journey: Journey): Promise<void> {
    const { state, subscriber } = journey.joiner;
    const gate = this.#gates.get(subscriber) ?? new Gate(1);
    this.#gates.set(subscriber, gate);
    await gate.run(async () => {
      await this.#options.congestion.whenClear(subscriber);
      // It may have waited, and need nothing of the store any more.
      if (!journey.joiner.isWanted() || !state.isSound) return;
      if (this.#known(journey) === undefined) await this.#readOn(journey);
    });
  }

  async #readOn(journey: Journey): Promise<void> {
    const { cursor, joiner } = journey;
    const { state } = joiner;
    const { fanned, generation } = state;
    if (cursor.epoch !== fanned.epoch || cursor.offset > fanned.offset) {
      // The node may be behind. Who is ahead of the store, too, has seen another history.
      if (journey.hasLooked) this.#startOver(journey, 'diverged');
      else this.#options.keeper.doubt(state);
      journey.hasLooked = true;
      return;
    }
    const reading = await this.#read(journey);
    if (reading === undefined || !joiner.isWanted() || state.generation !== generation) return;
    const { end, result } = reading;
    if (result.status === 'diverged' || !result.isComplete) {
      this.#startOver(journey, result.status === 'diverged' ? 'diverged' : 'retention');
      return;
    }
    this.#tell(journey, true);
    let rest = result.entries;
    while (rest.length > 0) {
      // Others write to it, too, also while the store was read.
      await this.#options.congestion.whenClear(joiner.subscriber);
      if (!joiner.isWanted()) return;
      rest = this.#writePage(journey, rest);
    }
    if (!result.hasMore) journey.cursor = end;
  }

  /** undefined: the node knows by now, or the subscriber was given up. */
  async #read(journey: Journey): Promise<Reading | undefined> {
    try {
      return await this.#reads.read(journey.joiner.state, journey.cursor);
    } catch {
      this.#options.counters.failedReads += 1;
      this.#giveUp(journey, this.#options.unavailable());
      return undefined;
    }
  }

  /** Who was told that messages follow must come back for them; who was not is told by the error. */
  #giveUp({ isTold, joiner: { subscriber } }: Journey, error: unknown): void {
    if (!isTold) throw error;
    subscriber.owner.close(closeCodes.resumeNow, 'The stream cannot be read now; resume');
  }

  /** What lies behind its cursor cannot be had: it goes on from the present, and is told. */
  #startOver(journey: Journey, reason: GapNoticeReason): void {
    const { cursor: from, joiner } = journey;
    const { state, subscriber } = joiner;
    journey.cursor = state.fanned;
    if (!journey.isTold) {
      this.#tell(journey, false);
      return;
    }
    this.#options.counters.gaps += 1;
    const to = ownDestination(state.target);
    subscriber.owner.onGap({ kind: 'gap', to, reason, from, position: journey.cursor });
  }

  #tell(journey: Journey, recovered: boolean): void {
    if (journey.isTold) return;
    journey.isTold = true;
    if (!recovered) this.#options.counters.unrecovered += 1;
    journey.joiner.onJoined({ position: journey.cursor, recovered });
  }
}

class Journey {
  readonly joiner: Joiner;
  /** Everything up to here it has. */
  cursor: Position;
  /** True: `onJoined` was called. */
  isTold = false;
  /** True: the node has looked once whether it is behind. */
  hasLooked = false;

  constructor(joiner: Joiner) {
    this.joiner = joiner;
    this.cursor = joiner.since;
  }
}
