/**
 * The router's part of a connection's change of node: says how far the connection has been served
 * here, or keeps what comes for it until it is served here.
 */
import { handedOn, type EnvelopeView } from '../../backplanes/envelope.ts';
import type { Clock } from '../clock.ts';
import type { Limits } from '../limits.ts';
import { unavailable } from './backplane-failure.ts';
import type { Deliveries } from './deliveries.ts';
import type { Fanout } from './fanout.ts';
import { HeldMessages } from './hold.ts';
import type { HubTable } from './hub-table.ts';
import type { Interest } from './interest.ts';
import type { Members } from './members.ts';
import type {
  Addressed,
  Cut,
  HandoverRoutes,
  Handovers,
  Hold,
  StreamCut,
  Subscriber,
  SubscriberOptions,
} from './ports.ts';
import type { Stragglers } from './stragglers.ts';
import type { NodeStreams } from './streams/node-streams.ts';
import type { Target } from './target.ts';

export interface HandoversOptions {
  readonly hubs: HubTable;
  readonly members: Members;
  readonly interest: Interest;
  readonly fanout: Fanout;
  readonly stragglers: Stragglers;
  readonly deliveries: Deliveries;
  readonly clock: Pick<Clock, 'wallSeconds'>;
  /** undefined: no destination is a stream. */
  readonly streams: NodeStreams | undefined;
  readonly limits: Pick<Limits, 'reliableQueueMessagesMax' | 'reliableQueueBytesMax'>;
  /** See `Handovers.caughtUp`. */
  readonly caughtUp: () => Promise<void>;
  /** See `Handovers.settleMs`. */
  readonly settleMs: number;
  /** Publishes an envelope as it is to another node's inbox. */
  readonly sendOn: (nodeId: string, bytes: Uint8Array) => void;
}

export class RouterHandovers implements Handovers {
  readonly settleMs: number;
  readonly #options: HandoversOptions;
  /** Holds by connection id. */
  readonly #holds = new Map<string, ConnectionHold>();
  #routes: HandoverRoutes | undefined;

  constructor(options: HandoversOptions) {
    this.#options = options;
    this.settleMs = options.settleMs;
  }

  caughtUp(): Promise<void> {
    return this.#options.caughtUp();
  }

  cutsOf(subscriber: Subscriber): readonly Cut[] {
    const { fanout, hubs, streams } = this.#options;
    // What is collected counts as heard, so it has to be given.
    fanout.flush();
    const cuts: Cut[] = [];
    const local = hubs.connection(subscriber.hub, subscriber.connectionId);
    for (let at = local?.first; at !== undefined; at = at.next) {
      const { target } = at;
      const to = addressOf(target);
      if (to === undefined) continue;
      const position = streams?.keeper.stateOf(target)?.fanned;
      const { sinceMs, state } = at;
      const counters = target.heard?.last() ?? [];
      cuts.push({ to, counters, position, presence: { sinceMs, state } });
    }
    return cuts;
  }

  hold(hub: string, connectionId: string): Hold {
    const hold = new ConnectionHold({ hub, connectionId }, this.#options, () => {
      if (this.#holds.get(connectionId) === hold) this.#holds.delete(connectionId);
    });
    this.#holds.set(connectionId, hold);
    return hold;
  }

  sendOn(routes: HandoverRoutes): void {
    this.#routes = routes;
  }

  /**
   * A message to one connection came to this node's inbox. True: it was of use to somebody else than
   * a connection of this node. Until a hand-over has succeeded the old node keeps the message as
   * well: only the one that serves the connection in the end gives it out.
   */
  onDirect(envelope: EnvelopeView, bytes: Uint8Array): boolean {
    const { name } = envelope;
    if (envelope.isHandedOn) {
      const hold = this.#holds.get(name);
      hold?.messages.take(undefined, envelope.retained());
      return hold !== undefined;
    }
    const claimant = this.#routes?.claimantOf(name);
    const nodeId = claimant ?? this.#routes?.nodeOf(name);
    if (nodeId === undefined) return false;
    this.#options.sendOn(nodeId, claimant === undefined ? Uint8Array.from(bytes) : handedOn(bytes));
    return true;
  }
}

class ConnectionHold implements Hold {
  readonly messages: HeldMessages;
  readonly #options: HandoversOptions;
  readonly #onOver: () => void;
  /** Targets whose interest this hold has asked for, and must settle. */
  readonly #targets = new Set<Target>();
  #isOver = false;

  constructor(
    connection: { readonly hub: string; readonly connectionId: string },
    options: HandoversOptions,
    onOver: () => void,
  ) {
    const { reliableQueueBytesMax, reliableQueueMessagesMax } = options.limits;
    this.#options = options;
    this.#onOver = onOver;
    this.messages = new HeldMessages({
      ...connection,
      messagesMax: reliableQueueMessagesMax,
      bytesMax: reliableQueueBytesMax,
    });
  }

  async add(destinations: readonly Addressed[]): Promise<void> {
    const { hubs, interest } = this.#options;
    const targets = destinations
      .map((to) => hubs.target(this.messages.hub, to))
      .filter((target) => !this.#targets.has(target));
    const waits = targets.map((target) => {
      this.#targets.add(target);
      (target.holds ??= new Set()).add(this.messages);
      return this.#confirmed(target, interest.want(target));
    });
    await Promise.all(waits);
  }

  async #confirmed(target: Target, wait: Promise<void> | undefined): Promise<void> {
    const { interest } = this.#options;
    try {
      await wait;
    } catch (cause) {
      this.#targets.delete(target);
      this.#leave(target);
      interest.settle(target);
      throw unavailable(cause);
    }
    // It was dropped meanwhile, and left this to be settled when the broker has answered.
    if (this.#isOver) interest.settle(target);
    else this.#confirmedTargets.add(target);
  }

  readonly #confirmedTargets = new Set<Target>();

  isWhole(cuts: readonly Cut[]): boolean {
    const { hubs } = this.#options;
    const { hub } = this.messages;
    const known = cuts.map((cut) => ({ ...cut, target: hubs.target(hub, cut.to) }));
    return !this.messages.hasOverflowed && this.messages.beyond(known).isWhole;
  }

  release(options: SubscriberOptions, cuts: readonly Cut[]): Subscriber {
    const { clock, deliveries, fanout, hubs, members, stragglers, streams } = this.#options;
    // What is collected for members that are here already is not for this one: it holds it itself.
    fanout.flush();
    const known = cuts.map((cut) => ({ ...cut, target: hubs.target(options.hub, cut.to) }));
    const isStream = (target: Target): boolean => streams?.keeper.stateOf(target) !== undefined;
    const live = known.filter(({ target }) => !isStream(target));
    const { envelopes } = this.messages.beyond(known);
    const subscriber = members.adopt(options, live);
    for (const { counters, target } of known) {
      stragglers.expect(target, options.connectionId, counters);
    }
    for (const envelope of envelopes) {
      const delivery = deliveries.live(envelope, undefined);
      if (delivery.hasExpired(clock.wallSeconds())) continue;
      const frame = delivery.frameFor(subscriber);
      if (frame !== undefined) subscriber.socket.write([frame]);
    }
    this.drop();
    return subscriber;
  }

  async follow(subscriber: Subscriber, cut: StreamCut): Promise<boolean> {
    const { hubs, members } = this.#options;
    const local = hubs.connection(subscriber.hub, subscriber.connectionId);
    if (local === undefined) return true;
    let recovered = false;
    const options = {
      since: cut.position,
      before: cut.presence,
      onJoined: (joined: { readonly recovered: boolean }): void => {
        recovered = joined.recovered;
      },
    };
    if (cut.to.kind === 'group') await members.join(local, cut.to.name, options);
    else await members.resume(local, cut.to.kind, options);
    return recovered;
  }

  drop(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const target of this.#targets) this.#leave(target);
    for (const target of this.#confirmedTargets) this.#options.interest.settle(target);
    this.#onOver();
  }

  #leave(target: Target): void {
    target.holds?.delete(this.messages);
    if (target.holds?.size === 0) target.holds = undefined;
  }
}

function addressOf({ kind, name }: Target): Addressed | undefined {
  if (kind === 'connection') return undefined;
  return kind === 'all' ? { kind } : { kind, name };
}
