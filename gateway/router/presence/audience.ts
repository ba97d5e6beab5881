/** Who of this node watches one destination, and what they are told of it. */
import type { Encoder, Frame } from '../../protocol/codec.ts';
import type { PresenceNotice } from '../../protocol/presence-model.ts';
import type { Subscriber } from '../ports.ts';
import type { WatchRequest } from './ports.ts';
import type { PresenceCounters } from './presence-counters.ts';
import type { View } from './view.ts';

/**
 * `waiting`: nobody has told it anything yet; `live`: it knows all that was told; `stale`: it is too
 * slow, or has lost something, and is told everything again.
 */
type WatchState = 'waiting' | 'live' | 'stale';

interface Watch extends WatchRequest {
  state: WatchState;
}

export interface AudienceOptions {
  readonly counters: Pick<PresenceCounters, 'notices' | 'slowWatchers'>;
  /** A watch is over because it is not allowed any more. */
  readonly onEnded: (subscriber: Subscriber) => void;
}

/** Each watcher makes the pause between two notices longer by this, in ms: a write each. */
const pauseMsPerWatcher = 1;
const pauseMsMax = 1000;
/** Mere numbers are told at most this often, in ms. */
const countPauseMs = 1000;

export class Audience {
  readonly view: View;
  readonly #watches = new Map<Subscriber, Watch>();
  readonly #options: AudienceOptions;
  #toldAtMs = Number.NEGATIVE_INFINITY;
  #hasStale = false;

  constructor(view: View, options: AudienceOptions) {
    this.view = view;
    this.#options = options;
  }

  get size(): number {
    return this.#watches.size;
  }

  /** True: some of it is to be told everything again. */
  get hasStale(): boolean {
    return this.#hasStale;
  }

  has(subscriber: Subscriber): boolean {
    return this.#watches.has(subscriber);
  }

  /** It is told nothing until `start`. Returns what `start` takes. */
  add(request: WatchRequest): object {
    const watch: Watch = { ...request, state: 'waiting' };
    this.#watches.set(request.subscriber, watch);
    return watch;
  }

  remove(subscriber: Subscriber): void {
    this.#watches.delete(subscriber);
  }

  /** The subscriber's watch begins, if it is still the one that was added. */
  start(subscriber: Subscriber, added: object, now: { ms: number; wallMs: number }): void {
    const watch = this.#watches.get(subscriber);
    if (watch === undefined || watch !== added) return;
    // The others first: what is told to them is in the snapshot of this one.
    this.tell(now);
    this.#whole(watch, new Map(), this.view.snapshot());
  }

  /** It is told everything again. */
  retell(subscriber: Subscriber): void {
    const watch = this.#watches.get(subscriber);
    if (watch === undefined || watch.state === 'waiting') return;
    watch.state = 'stale';
    this.#hasStale = true;
  }

  /** True: what changed may be told now; so many watchers cannot be written to all the time. */
  isDue(nowMs: number): boolean {
    const { view } = this;
    const pauseMs = view.isCounting
      ? countPauseMs
      : Math.min(pauseMsMax, this.#watches.size * pauseMsPerWatcher);
    return view.isChanged && nowMs >= this.#toldAtMs + pauseMs;
  }

  /** Tells what changed since the last time. */
  tell({ ms, wallMs }: { ms: number; wallMs: number }): void {
    const notice = this.view.notice(wallMs);
    if (notice === undefined) return;
    this.#toldAtMs = ms;
    const frames = new Map<Encoder, Frame | undefined>();
    for (const watch of this.#watches.values()) {
      if (watch.state === 'live') this.#give(watch, frames, notice);
    }
  }

  /** Tells everything to those who need it and can take it. */
  tellStale(now: { ms: number; wallMs: number }): void {
    if (!this.#hasStale) return;
    this.tell(now);
    this.#hasStale = false;
    const frames = new Map<Encoder, Frame | undefined>();
    const whole = this.view.snapshot();
    for (const watch of this.#watches.values()) {
      if (watch.state === 'stale') this.#whole(watch, frames, whole);
    }
  }

  #whole(watch: Watch, frames: Map<Encoder, Frame | undefined>, whole: PresenceNotice): void {
    watch.state = 'live';
    this.#give(watch, frames, whole);
  }

  #give(watch: Watch, frames: Map<Encoder, Frame | undefined>, notice: PresenceNotice): void {
    const { isAllowed, subscriber } = watch;
    const { counters } = this.#options;
    if (!isAllowed()) {
      this.#watches.delete(subscriber);
      this.#options.onEnded(subscriber);
      return;
    }
    if (subscriber.socket.bufferedBytes() > 0) {
      watch.state = 'stale';
      this.#hasStale = true;
      counters.slowWatchers += 1;
      return;
    }
    const frame = frameOf(subscriber, frames, notice);
    if (frame === undefined) return;
    counters.notices += 1;
    subscriber.sendReply(frame);
  }
}

/** Made once for all watchers of a subprotocol. */
function frameOf(
  { codec: { encoder } }: Subscriber,
  frames: Map<Encoder, Frame | undefined>,
  notice: PresenceNotice,
): Frame | undefined {
  const plain = encoder.messagesOf ?? encoder;
  if (!frames.has(plain)) frames.set(plain, plain.encodeReply(notice));
  return frames.get(plain);
}
