/**
 * Who is where on this node: attaches connections to their hub and user, and lets them join and
 * leave groups, so that the broker knows of the interest before the member counts on it.
 */
import { GatewayError } from '../errors.ts';
import type { Encoder } from '../protocol/codec.ts';
import { unavailable } from './backplane-failure.ts';
import type { Congestion } from './congestion.ts';
import type { HubTable } from './hub-table.ts';
import type { Interest } from './interest.ts';
import { LocalSubscriber } from './local-subscriber.ts';
import type { Entered, LocalSubscribers, SubscriberOptions } from './ports.ts';
import type { Target } from './target.ts';

/** What `Members` works with; all of one router. */
export interface MembersOptions {
  readonly hubs: HubTable;
  readonly interest: Interest;
  readonly congestion: Congestion;
  readonly groupsPerConnectionMax: number;
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

  async enter(subscriber: LocalSubscriber, groups: readonly string[]): Promise<readonly Entered[]> {
    const { hubs } = this.#options;
    const { hub, userId } = subscriber;
    const targets = [hubs.target(hub, { kind: 'all' })];
    if (userId !== undefined) targets.push(hubs.target(hub, { kind: 'user', name: userId }));
    for (const name of new Set(groups)) targets.push(hubs.target(hub, { kind: 'group', name }));
    await this.#addTo(subscriber, targets);
    return [];
  }

  /** No destination is a stream yet. */
  async resume(subscriber: LocalSubscriber, to: 'user' | 'all'): Promise<void> {
    throw new GatewayError(
      'not-a-stream',
      `The destination '${to}' of hub '${subscriber.hub}' is no stream: the hub's settings name none for it`,
    );
  }

  async join(subscriber: LocalSubscriber, group: string): Promise<void> {
    if (subscriber.isInGroup(group)) return;
    const { groupsPerConnectionMax, hubs } = this.#options;
    if (this.#groupCountWith(subscriber, group) > groupsPerConnectionMax) {
      throw new GatewayError(
        'too-many-groups',
        `The connection is in ${groupsPerConnectionMax} groups, the most that groupsPerConnectionMax allows; leave one before joining another`,
      );
    }
    await this.#addTo(subscriber, [hubs.target(subscriber.hub, { kind: 'group', name: group })]);
  }

  leave(subscriber: LocalSubscriber, group: string): void {
    const { congestion, hubs, interest } = this.#options;
    const target = hubs.find(subscriber.hub, { kind: 'group', name: group });
    if (target === undefined) return;
    this.#takeBack(subscriber, (joining) => joining.target === target);
    const membership = subscriber.membershipOf(target);
    if (membership === undefined) return;
    if (subscriber.isCongested) congestion.untrack(membership);
    subscriber.unlink(membership);
    target.remove(membership);
    interest.releaseIfUnused(target);
  }

  /** Leaves every group, those included whose join still waits for the broker. */
  leaveAll(subscriber: LocalSubscriber): void {
    this.#takeBack(subscriber, ({ target }) => target.kind === 'group');
    for (const group of [...subscriber.groupNames()]) this.leave(subscriber, group);
  }

  detach(subscriber: LocalSubscriber): void {
    if (!subscriber.isAttached) return;
    const { congestion, hubs, interest } = this.#options;
    subscriber.isAttached = false;
    congestion.forget(subscriber);
    hubs.remove(subscriber);
    for (let at = subscriber.first; at !== undefined; at = at.next) {
      at.target.remove(at);
      if (at.target.kind !== 'connection') interest.releaseIfUnused(at.target);
    }
    subscriber.first = undefined;
  }

  /** Adds the subscriber to all targets once the broker has confirmed the interest in all. */
  async #addTo(subscriber: LocalSubscriber, targets: readonly Target[]): Promise<void> {
    const { interest } = this.#options;
    const waits = targets
      .map((target) => interest.want(target))
      .filter((wait) => wait !== undefined);
    try {
      if (waits.length === 0) {
        for (const target of targets) this.#addMember(subscriber, target);
      } else {
        await this.#addWhenConfirmed(subscriber, targets, waits);
      }
    } catch (cause) {
      throw unavailable(cause);
    } finally {
      for (const target of targets) interest.settle(target);
    }
  }

  async #addWhenConfirmed(
    subscriber: LocalSubscriber,
    targets: readonly Target[],
    waits: readonly Promise<void>[],
  ): Promise<void> {
    const joinings = targets.map((target): Joining => ({ target }));
    const all = this.#joining.get(subscriber) ?? new Set();
    this.#joining.set(subscriber, all);
    for (const joining of joinings) all.add(joining);
    try {
      // All of them, also after a failure: interest must stay wanted while its subscribe runs.
      const outcomes = await Promise.allSettled(waits);
      const failed = outcomes.find((outcome) => outcome.status === 'rejected');
      if (failed !== undefined) throw failed.reason;
      for (const joining of joinings) {
        if (all.has(joining)) this.#addMember(subscriber, joining.target);
      }
    } finally {
      for (const joining of joinings) all.delete(joining);
      if (all.size === 0) this.#joining.delete(subscriber);
    }
  }

  /** Does nothing for who is gone, or a member already. */
  #addMember(subscriber: LocalSubscriber, target: Target): void {
    // The connection may have closed, or have joined by another request, during the wait.
    if (!subscriber.isAttached || subscriber.membershipOf(target) !== undefined) return;
    const membership = target.add(subscriber);
    subscriber.link(membership);
    if (subscriber.isCongested) this.#options.congestion.track(membership);
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

  #encoderIndex(encoder: Encoder): number {
    const known = this.#encoders.get(encoder);
    if (known !== undefined) return known;
    this.#encoders.set(encoder, this.#encoders.size);
    return this.#encoders.size - 1;
  }
}
