/**
 * Who is where on this node: attaches connections to their hub and user, and lets them join and
 * leave groups, so that the broker knows of the interest before the member counts on it.
 */
import type { Clock } from '../clock.ts';
import { GatewayError } from '../errors.ts';
import type { Encoder } from '../protocol/codec.ts';
import type { StreamPosition } from '../protocol/model.ts';
import type { ClientState, LeaveKind, MemberPresence } from '../protocol/presence-model.ts';
import { unavailable } from './backplane-failure.ts';
import type { Congestion } from './congestion.ts';
import type { HubTable } from './hub-table.ts';
import type { Interest } from './interest.ts';
import { LocalSubscriber } from './local-subscriber.ts';
import { notAStream } from './no-streams.ts';
import type { Entered, Joined, JoinOptions, LocalSubscribers, SubscriberOptions } from './ports.ts';
import type { NodeStreams } from './streams/node-streams.ts';
import { ownDestination } from './streams/notices.ts';
import type { Membership, Target } from './target.ts';

/** What `Members` works with; all of one router. */
export interface MembersOptions {
  readonly clock: Pick<Clock, 'wallSeconds'>;
  readonly hubs: HubTable;
  readonly interest: Interest;
  readonly congestion: Congestion;
  /** undefined: no destination is a stream. */
  readonly streams: NodeStreams | undefined;
  readonly groupsPerConnectionMax: number;
}

interface Adding {
  readonly waits: readonly Promise<void>[];
  readonly add: (target: Target) => void;
}

interface SinceOptions extends Arrival {
  readonly since: StreamPosition;
  readonly onJoined: (joined: Joined) => void;
}

/** What a new member brings with it. */
interface Arrival {
  readonly state?: ClientState | undefined;
  /** What it was before: here, or on another node. */
  readonly before?: MemberPresence | undefined;
}

/** A membership that waits for the broker; a leave takes it out of the set that holds it. */
interface Joining {
  readonly target: Target;
}

export class Members implements LocalSubscribers {
  readonly #options: MembersOptions;
  /** What connections wait for; a connection is here only while it waits. */
  readonly #joining = new Map<LocalSubscriber, Set<Joining>>();
  /** Numbers the encoders, so that frames are found by index. */
  readonly #encoders = new Map<Encoder, number>();

  constructor(options: MembersOptions) {
    this.#options = options;
  }

  attach(options: SubscriberOptions): LocalSubscriber {
    const subscriber = new LocalSubscriber(
      options,
      this.#encoderIndex(options.codec.encoder),
      this.#options.congestion,
    );
    this.#options.hubs.add(subscriber);
    return subscriber;
  }

  /** A connection that another node has served: at once a member of targets that are no streams. */
  adopt(
    options: SubscriberOptions,
    memberships: readonly { readonly target: Target; readonly presence?: Arrival['before'] }[],
  ): LocalSubscriber {
    const subscriber = this.attach(options);
    for (const { presence: before, target } of memberships) {
      this.#addMember(subscriber, target, { before });
    }
    return subscriber;
  }

  async enter(subscriber: LocalSubscriber, groups: readonly string[]): Promise<readonly Entered[]> {
    const { hubs } = this.#options;
    const { hub, userId } = subscriber;
    const targets = [hubs.target(hub, { kind: 'all' })];
    if (userId !== undefined) targets.push(hubs.target(hub, { kind: 'user', name: userId }));
    for (const name of new Set(groups)) targets.push(hubs.target(hub, { kind: 'group', name }));
    return this.#addTo(subscriber, targets);
  }

  async resume(
    subscriber: LocalSubscriber,
    to: 'user' | 'all',
    options: JoinOptions & Pick<Arrival, 'before'>,
  ): Promise<void> {
    const { hubs } = this.#options;
    const { hub, userId } = subscriber;
    if (to === 'user' && userId === undefined) {
      throw new GatewayError(
        'not-a-stream',
        'The connection has no user whose stream it could resume; its token needs a sub',
      );
    }
    const destination = to === 'all' ? { kind: to } : { kind: to, name: userId ?? '' };
    const target = hubs.target(hub, destination);
    if (!this.#isStream(target)) throw notAStream(hub, destination);
    await this.#begin(subscriber, target, options);
  }

  async join(
    subscriber: LocalSubscriber,
    group: string,
    options: JoinOptions & Pick<Arrival, 'before'> = {},
  ): Promise<void> {
    const { groupsPerConnectionMax, hubs } = this.#options;
    const isMember = subscriber.isInGroup(group);
    if (!isMember && this.#groupCountWith(subscriber, group) > groupsPerConnectionMax) {
      throw new GatewayError(
        'too-many-groups',
        `The connection is in ${groupsPerConnectionMax} groups, the most that groupsPerConnectionMax allows; leave one before joining another`,
      );
    }
    const target = hubs.target(subscriber.hub, { kind: 'group', name: group });
    if (this.#isStream(target)) await this.#begin(subscriber, target, options);
    else if (isMember) this.#setState(subscriber, target, options.state);
    else await this.#addTo(subscriber, [target], options);
  }

  leave(subscriber: LocalSubscriber, group: string): void {
    const { hubs, interest } = this.#options;
    const target = hubs.find(subscriber.hub, { kind: 'group', name: group });
    if (target === undefined) return;
    this.#takeBack(subscriber, (joining) => joining.target === target);
    const membership = this.#removeMember(subscriber, target);
    if (membership === undefined) return;
    target.roll?.remove(membership, 'left');
    interest.releaseIfUnused(target);
  }

  /** Leaves every group, those included whose join still waits for the broker. */
  leaveAll(subscriber: LocalSubscriber): void {
    this.#takeBack(subscriber, ({ target }) => target.kind === 'group');
    for (const group of [...subscriber.groupNames()]) this.leave(subscriber, group);
  }

  detach(subscriber: LocalSubscriber, how: LeaveKind = 'left'): void {
    if (!subscriber.isAttached) return;
    const { congestion, hubs, interest } = this.#options;
    subscriber.isAttached = false;
    congestion.forget(subscriber);
    hubs.remove(subscriber);
    for (let at = subscriber.first; at !== undefined; at = at.next) {
      at.target.remove(at);
      at.target.roll?.remove(at, how);
      if (at.target.kind !== 'connection') interest.releaseIfUnused(at.target);
    }
    subscriber.first = undefined;
  }

  #isStream(target: Target): boolean {
    return this.#options.streams !== undefined && target.rules.retention !== undefined;
  }

  /** Joins a stream: from a place in it, or from now on. */
  async #begin(
    subscriber: LocalSubscriber,
    target: Target,
    options: JoinOptions & Pick<Arrival, 'before'>,
  ): Promise<void> {
    const { onJoined = () => undefined, since } = options;
    if (since === undefined) await this.#addTo(subscriber, [target], options);
    else await this.#joinSince(subscriber, target, { ...options, since, onJoined });
  }

  /** Adds the subscriber to all targets once the broker has confirmed the interest in all. */
  async #addTo(
    subscriber: LocalSubscriber,
    targets: readonly Target[],
    { onJoined = () => undefined, state }: Pick<JoinOptions, 'onJoined' | 'state'> = {},
  ): Promise<readonly Entered[]> {
    const { interest } = this.#options;
    const waits = targets
      .map((target) => interest.want(target))
      .filter((wait) => wait !== undefined);
    const entered: Entered[] = [];
    const add = (target: Target): void => {
      this.#addMember(subscriber, target, { state });
      const position = this.#options.streams?.keeper.stateOf(target)?.fanned;
      if (position === undefined) return;
      entered.push({ to: ownDestination(target), position });
      onJoined({ position, recovered: true });
    };
    try {
      if (waits.length === 0 && !targets.some((target) => this.#isStream(target))) {
        for (const target of targets) add(target);
      } else {
        await this.#addWhenConfirmed(subscriber, targets, { waits, add });
      }
    } catch (cause) {
      throw unavailable(cause);
    } finally {
      for (const target of targets) interest.settle(target);
    }
    return entered;
  }

  async #addWhenConfirmed(
    subscriber: LocalSubscriber,
    targets: readonly Target[],
    { add, waits }: Adding,
  ): Promise<void> {
    const joinings = targets.map((target): Joining => ({ target }));
    const all = this.#register(subscriber, joinings);
    try {
      // All of them, also after a failure: interest must stay wanted while its subscribe runs.
      const outcomes = await Promise.allSettled(waits);
      const failed = outcomes.find((outcome) => outcome.status === 'rejected');
      if (failed !== undefined) throw failed.reason;
      await this.#whenSound(targets);
      for (const joining of joinings) if (all.has(joining)) add(joining.target);
    } finally {
      this.#unregister(subscriber, joinings);
    }
  }

  /** Streams among the targets are known, and nothing of them is collected and not written. */
  async #whenSound(targets: readonly Target[]): Promise<void> {
    const { streams } = this.#options;
    if (streams === undefined) return;
    const states = targets
      .map((target) => streams.keeper.stateOf(target))
      .filter((state) => state !== undefined);
    if (states.length === 0) return;
    for (const state of states) streams.keeper.open(state);
    do {
      await Promise.all(states.map((state) => streams.catchUp.sound(state)));
      await streams.catchUp.settled();
    } while (states.some((state) => !state.isSound));
  }

  async #joinSince(
    subscriber: LocalSubscriber,
    target: Target,
    { before, onJoined, since, state: saying }: SinceOptions,
  ): Promise<void> {
    const { interest, streams } = this.#options;
    const state = streams?.keeper.stateOf(target);
    if (streams === undefined || state === undefined) return;
    const wait = interest.want(target);
    const joining: Joining = { target };
    const all = this.#register(subscriber, [joining]);
    try {
      await wait;
      streams.keeper.open(state);
      // What is collected for it and not written comes again, from the place that it asked for.
      const ended = this.#removeMember(subscriber, target);
      if (ended !== undefined) target.roll?.remove(ended, 'moved');
      await streams.catchUp.join({
        state,
        subscriber,
        since,
        onJoined,
        isWanted: () => subscriber.isAttached && all.has(joining),
        add: () => this.#addMember(subscriber, target, { state: saying, before: ended ?? before }),
      });
    } catch (cause) {
      throw unavailable(cause);
    } finally {
      this.#unregister(subscriber, [joining]);
      interest.settle(target);
    }
  }

  #register(subscriber: LocalSubscriber, joinings: readonly Joining[]): ReadonlySet<Joining> {
    const all = this.#joining.get(subscriber) ?? new Set();
    this.#joining.set(subscriber, all);
    for (const joining of joinings) all.add(joining);
    return all;
  }

  #unregister(subscriber: LocalSubscriber, joinings: readonly Joining[]): void {
    const all = this.#joining.get(subscriber);
    for (const joining of joinings) all?.delete(joining);
    if (all?.size === 0) this.#joining.delete(subscriber);
  }

  /** Returns what it was; undefined: no member. The interest stays as it is. */
  #removeMember(subscriber: LocalSubscriber, target: Target): Membership | undefined {
    const membership = subscriber.membershipOf(target);
    if (membership === undefined) return undefined;
    if (subscriber.isCongested) this.#options.congestion.untrack(membership);
    subscriber.unlink(membership);
    target.remove(membership);
    return membership;
  }

  /** Adds nobody who is gone, or a member already. */
  #addMember(subscriber: LocalSubscriber, target: Target, { before, state }: Arrival): void {
    // The connection may have closed, or have joined by another request, during the wait.
    if (!subscriber.isAttached) return;
    if (subscriber.membershipOf(target) !== undefined) {
      this.#setState(subscriber, target, state);
      return;
    }
    const membership = target.add(subscriber);
    const nowMs = this.#nowMs();
    membership.sinceMs = before?.sinceMs ?? nowMs;
    membership.state = state === undefined ? before?.state : { pairs: state, atMs: nowMs };
    subscriber.link(membership);
    target.roll?.set(membership);
    if (subscriber.isCongested) this.#options.congestion.track(membership);
  }

  /** A member that joins again may say something else of itself. */
  #setState(subscriber: LocalSubscriber, target: Target, pairs: ClientState | undefined): void {
    const membership = subscriber.membershipOf(target);
    if (membership === undefined || pairs === undefined) return;
    membership.state = { pairs, atMs: this.#nowMs() };
    target.roll?.set(membership);
  }

  #nowMs(): number {
    return Math.round(this.#options.clock.wallSeconds() * 1000);
  }

  #takeBack(subscriber: LocalSubscriber, which: (joining: Joining) => boolean): void {
    const all = this.#joining.get(subscriber);
    for (const joining of all ?? []) if (which(joining)) all?.delete(joining);
  }

  /** Groups of the connection once all joins that wait and this one have succeeded. */
  #groupCountWith(subscriber: LocalSubscriber, group: string): number {
    const waiting = new Set([group]);
    for (const { target } of this.#joining.get(subscriber) ?? []) {
      if (target.kind === 'group') waiting.add(target.name);
    }
    return subscriber.groupCount() + waiting.size;
  }

  #encoderIndex(own: Encoder): number {
    const encoder = own.messagesOf ?? own;
    const known = this.#encoders.get(encoder);
    if (known !== undefined) return known;
    this.#encoders.set(encoder, this.#encoders.size);
    return this.#encoders.size - 1;
  }
}
