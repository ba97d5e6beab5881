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
import type { LocalSubscribers, SubscriberOptions } from './ports.ts';
import type { Target } from './target.ts';

export interface MembersOptions {
  readonly hubs: HubTable;
  readonly interest: Interest;
  readonly congestion: Congestion;
  readonly groupsPerConnectionMax: number;
}

export class Members implements LocalSubscribers {
  readonly #options: MembersOptions;
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

  async enter(subscriber: LocalSubscriber, groups: readonly string[]): Promise<void> {
    const { hubs } = this.#options;
    const { hub, userId } = subscriber;
    const targets = [hubs.target(hub, { kind: 'all' })];
    if (userId !== undefined) targets.push(hubs.target(hub, { kind: 'user', name: userId }));
    for (const name of new Set(groups)) targets.push(hubs.target(hub, { kind: 'group', name }));
    await this.#addTo(subscriber, targets);
  }

  async join(subscriber: LocalSubscriber, group: string): Promise<void> {
    if (subscriber.isInGroup(group)) return;
    const { groupsPerConnectionMax, hubs } = this.#options;
    if (subscriber.groupCount() >= groupsPerConnectionMax) {
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
    const membership = target === undefined ? undefined : subscriber.membershipOf(target);
    if (target === undefined || membership === undefined) return;
    if (subscriber.isCongested) congestion.untrack(membership);
    subscriber.unlink(membership);
    target.remove(membership);
    interest.releaseIfUnused(target);
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
      if (waits.length > 0) await Promise.all(waits);
      for (const target of targets) this.#addMember(subscriber, target);
    } catch (cause) {
      throw unavailable(cause);
    } finally {
      for (const target of targets) interest.settle(target);
    }
  }

  #addMember(subscriber: LocalSubscriber, target: Target): void {
    // The connection may have closed, or have joined by another request, during the wait.
    if (!subscriber.isAttached || subscriber.membershipOf(target) !== undefined) return;
    const membership = target.add(subscriber);
    subscriber.link(membership);
    if (subscriber.isCongested) this.#options.congestion.track(membership);
  }

  #encoderIndex(encoder: Encoder): number {
    const known = this.#encoders.get(encoder);
    if (known !== undefined) return known;
    this.#encoders.set(encoder, this.#encoders.size);
    return this.#encoders.size - 1;
  }
}
