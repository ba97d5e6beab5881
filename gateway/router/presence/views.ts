/**
 * What the connections of this node watch: one view per destination, put together from what all
 * nodes say, and told to those who watch it.
 */
import type { Clock } from '../../clock.ts';
import { GatewayError } from '../../errors.ts';
import type { PresenceDestination } from '../../protocol/presence-model.ts';
import { destinationKey } from '../keys.ts';
import type { Subscriber } from '../ports.ts';
import { Audience } from './audience.ts';
import type { PresenceItem } from './messages.ts';
import type { Peers, WatchedPart } from './peers.ts';
import type { Presence, WatchRequest } from './ports.ts';
import type { PresenceCounters } from './presence-counters.ts';
import { View, type ViewOptions } from './view.ts';

export interface ViewsOptions {
  readonly nodeId: string;
  readonly clock: Pick<Clock, 'monotonicMs' | 'wallSeconds' | 'afterTurn' | 'after'>;
  readonly bounds: Pick<ViewOptions, 'membersMax' | 'bytesMax'>;
  readonly watchesPerConnectionMax: number;
  /** How long a watch waits for nodes that live and do not answer, in ms. */
  readonly knownMsMax: number;
  readonly peers: Peers;
  readonly counters: PresenceCounters;
  /** Nodes from which an answer can be expected now, without this one. */
  readonly answering: () => Iterable<string>;
  /** This node's own members: tells them from now on, or not any more. */
  readonly watchOwn: (key: string, isWatched: boolean) => void;
}

interface Waiting {
  readonly audience: Audience;
  readonly resolve: () => void;
}

/** How long everything of a node is waited for before it is asked for again, in ms. */
const askAgainMs = 1000;

export class Views implements Omit<Presence, 'setState' | 'checkState'> {
  readonly #options: ViewsOptions;
  readonly #audiences = new Map<string, Audience>();
  /** What each connection watches; none is here that watches nothing. */
  readonly #watched = new Map<Subscriber, Map<string, Audience>>();
  readonly #waiting = new Set<Waiting>();
  /** Those with something to tell. */
  readonly #changed = new Set<Audience>();
  #isFlushDue = false;

  constructor(options: ViewsOptions) {
    this.#options = options;
  }

  /** Destinations that somebody here watches. */
  get size(): number {
    return this.#audiences.size;
  }

  /** Watches of all connections of this node. */
  get watchCount(): number {
    let count = 0;
    for (const audience of this.#audiences.values()) count += audience.size;
    return count;
  }

  async watch(request: WatchRequest): Promise<() => void> {
    const { subscriber, to } = request;
    const key = destinationKey(subscriber.hub, to);
    const watched = this.#watched.get(subscriber) ?? new Map<string, Audience>();
    const { watchesPerConnectionMax } = this.#options;
    if (!watched.has(key) && watched.size >= watchesPerConnectionMax) {
      throw new GatewayError(
        'too-many-watches',
        `The connection watches the presence of ${watchesPerConnectionMax} destinations, the most that presenceWatchesPerConnectionMax allows; end one before another begins`,
      );
    }
    const audience = this.#audiences.get(key) ?? this.#open(key, to);
    const added = audience.add(request);
    watched.set(key, audience);
    this.#watched.set(subscriber, watched);
    await this.#known(audience);
    return () => audience.start(subscriber, added, this.#now());
  }

  unwatch(subscriber: Subscriber, to: PresenceDestination): void {
    this.#end(subscriber, destinationKey(subscriber.hub, to));
  }

  forget(subscriber: Subscriber): void {
    for (const key of [...(this.#watched.get(subscriber)?.keys() ?? [])]) {
      this.#end(subscriber, key);
    }
  }

  retell(subscriber: Subscriber): void {
    for (const audience of this.#watched.get(subscriber)?.values() ?? []) {
      audience.retell(subscriber);
      this.#change(audience);
    }
  }

  watched(subscriber: Subscriber): readonly PresenceDestination[] {
    return Array.from(this.#watched.get(subscriber)?.values() ?? [], ({ view }) => view.to);
  }

  /** What is watched, with the version that is known of a node. */
  *versions(nodeId: string): Iterable<WatchedPart> {
    for (const [key, { view }] of this.#audiences) {
      yield { key, hash: view.hash, ver: view.parts.get(nodeId)?.ver ?? 0 };
    }
  }

  /** A node, maybe this one, says who its members are. */
  take(nodeId: string, items: readonly PresenceItem[]): void {
    const { peers } = this.#options;
    for (const item of items) {
      const audience = this.#audiences.get(item.key);
      if (audience === undefined) continue;
      const { view } = audience;
      const before = view.part(nodeId).ver;
      const outcome = view.take(nodeId, item);
      if (outcome === 'hole') {
        this.#options.counters.holes += 1;
        this.#ask(view, nodeId);
      }
      const after = view.part(nodeId).ver;
      if (after !== before) peers.moved(nodeId, view.hash, before, after);
      for (const unlisted of view.unlisted()) this.#ask(view, unlisted);
      this.#change(audience);
    }
    this.#settle();
  }

  /** A node is silent, or is heard again. */
  hide(nodeId: string, isHidden: boolean): void {
    for (const audience of this.#audiences.values()) {
      audience.view.hide(nodeId, isHidden);
      this.#change(audience);
    }
  }

  /** A node is gone. */
  drop(nodeId: string): void {
    for (const audience of this.#audiences.values()) {
      audience.view.drop(nodeId);
      this.#change(audience);
    }
    this.#settle();
  }

  /** Tells what waited for its time. Call it several times a second. */
  sweep(): void {
    this.#settle();
    this.#flush();
  }

  #open(key: string, to: PresenceDestination): Audience {
    const { bounds, counters, peers, watchOwn } = this.#options;
    const view = new View({ ...bounds, key, to });
    const audience = new Audience(view, {
      counters,
      onEnded: (subscriber) => this.#end(subscriber, key),
    });
    this.#audiences.set(key, audience);
    peers.watch(key, view.hash);
    watchOwn(key, true);
    this.#scheduleFlush();
    return audience;
  }

  #end(subscriber: Subscriber, key: string): void {
    const watched = this.#watched.get(subscriber);
    watched?.delete(key);
    if (watched?.size === 0) this.#watched.delete(subscriber);
    const audience = this.#audiences.get(key);
    if (audience === undefined) return;
    audience.remove(subscriber);
    if (audience.size > 0) return;
    this.#audiences.delete(key);
    this.#changed.delete(audience);
    const { parts } = audience.view;
    this.#options.peers.unwatch(key, audience.view.hash, (nodeId) => parts.get(nodeId)?.ver ?? 0);
    this.#options.watchOwn(key, false);
    this.#scheduleFlush();
    this.#settle();
  }

  /** Asks a node for everything, unless that was asked a moment ago. */
  #ask(view: View, nodeId: string): void {
    const now = this.#options.clock.monotonicMs();
    const part = view.part(nodeId);
    if (part.askedAtMs !== undefined && now - part.askedAtMs < askAgainMs) return;
    part.askedAtMs = now;
    if (nodeId === this.#options.nodeId) this.#options.watchOwn(view.key, true);
    else this.#options.peers.want(nodeId, view.key);
  }

  /** Resolves when every node has answered that can be expected to, or the time is over. */
  async #known(audience: Audience): Promise<void> {
    if (this.#isKnown(audience)) return;
    const { clock, knownMsMax } = this.#options;
    await new Promise<void>((resolve) => {
      const cancel = clock.after(knownMsMax, () => {
        this.#waiting.delete(waiting);
        resolve();
      });
      const waiting: Waiting = {
        audience,
        resolve: () => {
          cancel();
          resolve();
        },
      };
      this.#waiting.add(waiting);
    });
  }

  #isKnown({ view }: Audience): boolean {
    const { answering, nodeId } = this.#options;
    if (this.#audiences.get(view.key)?.view !== view) return true;
    if (view.part(nodeId).ver === 0) return false;
    for (const other of answering()) if (view.part(other).ver === 0) return false;
    return true;
  }

  #settle(): void {
    for (const waiting of this.#waiting) {
      if (!this.#isKnown(waiting.audience)) continue;
      this.#waiting.delete(waiting);
      waiting.resolve();
    }
  }

  #change(audience: Audience): void {
    this.#changed.add(audience);
    this.#scheduleFlush();
  }

  #scheduleFlush(): void {
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    this.#options.clock.afterTurn(() => this.#flush());
  }

  #flush(): void {
    this.#isFlushDue = false;
    this.#options.peers.flush();
    const now = this.#now();
    for (const audience of [...this.#changed]) {
      if (audience.isDue(now.ms)) audience.tell(now);
      audience.tellStale(now);
      // What is not due yet, and who is too slow, is left for a later sweep.
      if (!audience.view.isChanged && !audience.hasStale) this.#changed.delete(audience);
    }
  }

  #now(): { ms: number; wallMs: number } {
    const { clock } = this.#options;
    return { ms: clock.monotonicMs(), wallMs: Math.round(clock.wallSeconds() * 1000) };
  }
}
