/**
 * Where a message goes: takes publications to the backplane, and what the backplane brings back to
 * the fan-out. Local delivery, the sender's own node included, always comes back through the
 * backplane: one path, one order.
 */
import type { Backplane, BackplaneSink } from '../../backplanes/backplane.ts';
import { EnvelopeView } from '../../backplanes/envelope.ts';
import { isLossMark } from '../../backplanes/loss-mark.ts';
import { decodeStoredEnvelope, isStoredEnvelope } from '../../backplanes/stored-envelope.ts';
import type { RetentionClass, StreamEntry, StreamStore } from '../../backplanes/stream-store.ts';
import type { Clock } from '../clock.ts';
import { GatewayError } from '../errors.ts';
import type { Limits } from '../limits.ts';
import { closeCodes } from '../protocol/close-codes.ts';
import { FilterCache } from '../protocol/filter/filter-cache.ts';
import { unavailable } from './backplane-failure.ts';
import { isNodeMessage } from './bus/node-message.ts';
import { RepeatWindow } from './repeat-window.ts';
import { RingBudget } from './backlog.ts';
import { Congestion } from './congestion.ts';
import { Deliveries } from './deliveries.ts';
import { DestinationRules } from './destination-rules.ts';
import { Fanout } from './fanout.ts';
import { tellLiveGap } from './gap-notices.ts';
import { RouterHandovers } from './handovers.ts';
import { Heard } from './heard.ts';
import { HubTable } from './hub-table.ts';
import { Interest } from './interest.ts';
import { controlKey, inboxKey } from './keys.ts';
import type { LocalSubscriber } from './local-subscriber.ts';
import { Members } from './members.ts';
import { NoStreams } from './no-streams.ts';
import type { Publication, Published, Publisher, Streams } from './ports.ts';
import { PublicationWriter } from './publication-writer.ts';
import { newRouterCounters } from './router-counters.ts';
import { NodeStreams } from './streams/node-streams.ts';
import { newStreamCounters } from './streams/stream-counters.ts';
import { Stragglers, whoHasIt } from './stragglers.ts';
import type { Target } from './target.ts';

export interface RouterOptions {
  /** Unique per start; part of every connection id. */
  readonly nodeId: string;
  readonly backplane: Backplane;
  readonly limits: Limits;
  readonly clock: Clock;
  /** Which destinations are streams; by default none. */
  readonly rules?: DestinationRules;
  /** Where streams are retained; undefined: no destination is one. Closed with the router. */
  readonly store?: StreamStore | undefined;
  /** Where a connection is served; by default where its id was made. */
  readonly nodeFor?: (connectionId: string) => string | undefined;
  /** 0 to 1; spreads what need not happen at once. */
  readonly random?: () => number;
  /** Takes what is said on the node bus. May throw: then it could not be read. */
  readonly onNodeMessage?: (bytes: Uint8Array) => void;
  /** What was said to all nodes may not have reached this one. */
  readonly onNodeGap?: () => void;
  /** For what nobody waits for: an envelope that cannot be read, an unsubscribe that failed. */
  readonly onError: (error: unknown) => void;
}

const filterCacheEntries = 1000;
const sweepPeriodMs = 250;
/** What was published before an interest was confirmed has arrived everywhere after this in ms. */
const settleMs = 50;
/** Where interest spreads slowly: twice what was measured in clusters of NATS. */
const slowSettleMs = 100;

export class Router implements Publisher {
  readonly hubs: HubTable;
  readonly members: Members;
  readonly handovers: RouterHandovers;
  readonly fanout: Fanout;
  readonly congestion: Congestion;
  readonly counters = newRouterCounters();
  readonly ringBudget: RingBudget;
  readonly #options: RouterOptions;
  readonly #interest: Interest;
  readonly #writer: PublicationWriter;
  readonly #inbox: string;
  readonly #repeats: RepeatWindow;
  readonly streamCounters = newStreamCounters();
  readonly #rules: DestinationRules;
  readonly #deliveries: Deliveries;
  readonly #streams: NodeStreams | undefined;
  readonly #noStreams = new NoStreams();
  readonly #stragglers: Stragglers;
  #stopSweeping: (() => void) | undefined;
  #linkDetail: string | undefined;

  constructor(options: RouterOptions) {
    const { backplane, clock, limits, nodeId } = options;
    this.#options = options;
    this.#rules = options.rules ?? new DestinationRules({ hubs: {} });
    this.hubs = new HubTable(this.#rules);
    this.#inbox = inboxKey(nodeId);
    this.#writer = new PublicationWriter(nodeId, clock, options.nodeFor);
    this.#repeats = new RepeatWindow({ clock });
    this.ringBudget = new RingBudget(limits.ringBytesPerNodeMax);
    this.congestion = new Congestion({
      clock,
      stalledMsMax: limits.congestedMsMax,
      counters: this.counters,
    });
    this.fanout = new Fanout({
      clock,
      congestion: this.congestion,
      ringBytesMax: limits.ringBytesPerDestinationMax,
      ringBudget: this.ringBudget,
    });
    const filters = new FilterCache(
      { lengthMax: limits.filterLengthMax, depthMax: limits.filterDepthMax },
      filterCacheEntries,
    );
    this.#deliveries = new Deliveries(this.hubs, filters);
    this.#streams = this.#createStreams();
    this.#interest = new Interest({
      backplane,
      clock,
      lingerMs: limits.interestLingerMs,
      onEnding: (target) => {
        // What comes after the next beginning has a hole before it that is none.
        target.heard = undefined;
        this.#streams?.forget(target);
      },
      onForgotten: (target) => this.hubs.forget(target),
      onError: options.onError,
    });
    this.members = new Members({
      clock,
      hubs: this.hubs,
      interest: this.#interest,
      congestion: this.congestion,
      streams: this.#streams,
      groupsPerConnectionMax: limits.groupsPerConnectionMax,
    });
    this.#stragglers = new Stragglers(clock);
    this.handovers = this.#createHandovers();
  }

  /** Connects the backplane. @throws GatewayError `backplane-unavailable`. */
  async start(): Promise<void> {
    const { backplane, clock, onNodeGap } = this.#options;
    const sink: BackplaneSink = {
      onEnvelope: (key, bytes) => this.#receive(key, bytes),
      onGap: (keys) => {
        this.counters.gaps += 1;
        this.#streams?.doubt(keys);
        tellLiveGap(this.hubs, keys);
        if (keys === 'all' || keys.includes(controlKey)) onNodeGap?.();
      },
      onLink: (state, detail) => {
        this.#linkDetail = state === 'up' ? undefined : detail;
        if (state === 'up') this.#streams?.doubt('all');
        else this.#streams?.distrust();
      },
    };
    try {
      await backplane.start(sink);
      await Promise.all([backplane.subscribe(this.#inbox), backplane.subscribe(controlKey)]);
      await this.#streams?.start();
    } catch (cause) {
      throw unavailable(cause);
    }
    this.#stopSweeping = clock.every(sweepPeriodMs, () => {
      this.#interest.sweep();
      this.congestion.sweep();
      this.#stragglers.sweep();
    });
  }

  /** Why publishes would fail now; undefined: they would not. */
  unavailableReason(): string | undefined {
    if (this.#options.backplane.isUp()) return this.#streams?.unavailableReason();
    return `the backplane is down: ${this.#linkDetail ?? 'not connected'}`;
  }

  async publish(publication: Publication): Promise<Published> {
    const outgoing = this.#writer.write(publication);
    const { id, key, bytes } = outgoing;
    const { counters } = this;
    const retention = this.#retentionOf(publication, key);
    const publisher = retention === undefined ? undefined : this.#streams?.publisher;
    const { envelopeBytesMax } = publisher ?? this.#options.backplane.traits;
    if (bytes.length > envelopeBytesMax) throw tooLarge(bytes.length, envelopeBytesMax);
    counters.publishes += 1;
    counters.publishedBytes += bytes.length;
    if (publisher !== undefined && retention !== undefined) {
      return publisher.publish(outgoing, retention);
    }
    try {
      await this.#options.backplane.publish(key, bytes);
    } catch (cause) {
      counters.publishErrors += 1;
      throw unavailable(cause);
    }
    return { id, position: undefined, isDuplicate: false };
  }

  /** Ends housekeeping and the backplane. Connections are closed by then. */
  async close(): Promise<void> {
    this.#stopSweeping?.();
    await this.#streams?.close();
    await this.#options.backplane.close();
  }

  /** Streams that this node follows, and what it keeps of them in bytes. */
  streamGauges(): { readonly followed: number; readonly cacheBytes: number } {
    const streams = this.#streams;
    return {
      followed: streams?.keeper.states.size ?? 0,
      cacheBytes: streams?.recentBudget.bytes ?? 0,
    };
  }

  /** Retained messages; every question fails where nothing is a stream. */
  get streams(): Streams {
    return this.#streams?.history ?? this.#noStreams;
  }

  #receive(key: string, bytes: Uint8Array): void {
    this.counters.envelopes += 1;
    try {
      if (isNodeMessage(bytes)) return this.#options.onNodeMessage?.(bytes);
      if (isStoredEnvelope(bytes)) return this.#receiveStored(key, decodeStoredEnvelope(bytes));
      const envelope = new EnvelopeView(bytes);
      if (key === this.#inbox) return this.#receiveDirect(envelope, bytes);
      const to = this.hubs.byKey(key);
      if (to !== undefined) this.#hear(to, envelope);
      if (to === undefined || to.members.length === 0) {
        this.counters.unclaimed += 1;
        return;
      }
      if (this.#isRepeat(envelope, to)) {
        this.counters.repeats += 1;
        return;
      }
      const without = to.stragglers === undefined ? undefined : this.#havingIt(to, envelope);
      this.fanout.collect(this.#deliveries.liveWithout(envelope, without), to);
    } catch (error) {
      // A broker is shared ground: what cannot be read is counted and told, never fatal.
      this.counters.unreadable += 1;
      this.#options.onError(error);
    }
  }

  /** Before anything may drop it: who takes a connection over must know that it was here. */
  #hear(target: Target, envelope: EnvelopeView): void {
    if (target.heard === undefined) target.heard = new Heard(envelope);
    else target.heard.take(envelope, this.counters);
    if (target.holds === undefined) return;
    const kept = envelope.retained();
    for (const hold of target.holds) hold.take(target, kept);
  }

  #havingIt(target: Target, envelope: EnvelopeView): ReadonlySet<string> | undefined {
    return whoHasIt(target, envelope, (connectionId) => {
      this.counters.liveHoles += 1;
      const reason = 'A message was lost while the connection changed its node; connect anew';
      const { owner } = this.hubs.connection(envelope.hub, connectionId) ?? {};
      owner?.close(closeCodes.policyViolation, reason);
    });
  }

  #receiveDirect(envelope: EnvelopeView, bytes: Uint8Array): void {
    const wasTaken = this.handovers.onDirect(envelope, bytes);
    const to = this.hubs.connection(envelope.hub, envelope.name);
    if (to === undefined) {
      if (!wasTaken) this.counters.unclaimed += 1;
    } else if (this.#isRepeat(envelope, to)) this.counters.repeats += 1;
    else this.fanout.collect(this.#deliveries.live(envelope, undefined), to);
  }

  /** Of live messages only: a stream's store knows what it holds. */
  #isRepeat(envelope: EnvelopeView, to: Target | LocalSubscriber): boolean {
    if (!envelope.hasChosenId) return false;
    if (!('members' in to)) return this.#repeats.isRepeat(to.connectionId, envelope.id);
    return to.rules.retention === undefined && this.#repeats.isRepeat(to.key, envelope.id);
  }

  #receiveStored(key: string, entry: StreamEntry): void {
    const target = this.hubs.byKey(key);
    if (target === undefined) {
      this.counters.unclaimed += 1;
    } else if (this.#streams !== undefined && target.rules.retention !== undefined) {
      this.#streams.onLive(target, entry);
    } else if (!isLossMark(entry.bytes)) {
      // Another node's settings make a stream of it; here its members get what comes.
      this.fanout.collect(this.#deliveries.live(new EnvelopeView(entry.bytes), undefined), target);
    }
  }

  #retentionOf({ hub, to }: Publication, key: string): RetentionClass | undefined {
    if (this.#streams === undefined || to.kind === 'connection') return undefined;
    // Where there are members the patterns were compared already.
    return (this.hubs.byKey(key)?.rules ?? this.#rules.for(hub, to)).retention;
  }

  #createHandovers(): RouterHandovers {
    const { backplane, clock, limits, onError } = this.#options;
    return new RouterHandovers({
      clock,
      stragglers: this.#stragglers,
      hubs: this.hubs,
      members: this.members,
      interest: this.#interest,
      fanout: this.fanout,
      deliveries: this.#deliveries,
      streams: this.#streams,
      limits,
      caughtUp: () => backplane.caughtUp?.() ?? Promise.resolve(),
      settleMs: backplane.traits.interest === 'eventual' ? slowSettleMs : settleMs,
      sendOn: (nodeId, bytes) => {
        backplane.publish(inboxKey(nodeId), bytes).catch(onError);
      },
    });
  }

  #createStreams(): NodeStreams | undefined {
    const { backplane, clock, limits, onError, random = Math.random, store } = this.#options;
    if (store === undefined) return undefined;
    return new NodeStreams({
      store,
      backplane,
      clock,
      limits,
      rules: this.#rules,
      fanout: this.fanout,
      congestion: this.congestion,
      deliveries: this.#deliveries,
      counters: this.streamCounters,
      random,
      onError,
    });
  }
}

function tooLarge(bytes: number, bytesMax: number): GatewayError {
  return new GatewayError(
    'message-too-large',
    `The message takes ${bytes} bytes on the backplane, which carries ${bytesMax}; send less at once`,
  );
}
