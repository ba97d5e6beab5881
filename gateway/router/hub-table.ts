/** The connections and targets of this node, by hub and name. */
import { closeCodes } from '../protocol/close-codes.ts';
import { DestinationRules } from './destination-rules.ts';
import { destinationKey } from './keys.ts';
import type { LocalSubscriber } from './local-subscriber.ts';
import type { Destination } from './ports.ts';
import type { Roll } from './presence/roll.ts';
import { Target } from './target.ts';

type Addressed = Exclude<Destination, { kind: 'connection' }>;

export class HubTable {
  /** Connections by hub, then by connection id. A hub is there while it has a connection. */
  readonly #hubs = new Map<string, Map<string, LocalSubscriber>>();
  /** Targets by destination key. */
  readonly #targets = new Map<string, Target>();
  readonly #rules: DestinationRules;
  readonly #rolls = new Map<string, Roll>();

  constructor(rules: DestinationRules = new DestinationRules({ hubs: {} })) {
    this.#rules = rules;
  }

  /** Connections over all hubs. */
  get connectionCount(): number {
    let count = 0;
    for (const connections of this.#hubs.values()) count += connections.size;
    return count;
  }

  /** Targets with a member, a pending join or lingering interest. */
  get targetCount(): number {
    return this.#targets.size;
  }

  /** Makes a connection known by its id, which is unique. It is a member of nothing by that. */
  add(subscriber: LocalSubscriber): void {
    const connections = this.#hubs.get(subscriber.hub);
    if (connections !== undefined) connections.set(subscriber.connectionId, subscriber);
    else this.#hubs.set(subscriber.hub, new Map([[subscriber.connectionId, subscriber]]));
  }

  /** Forgets a connection; its memberships are its own affair. */
  remove(subscriber: LocalSubscriber): void {
    const connections = this.#hubs.get(subscriber.hub);
    connections?.delete(subscriber.connectionId);
    if (connections?.size === 0) this.#hubs.delete(subscriber.hub);
  }

  /** A connection of this hub; undefined for those of other hubs and nodes. */
  connection(hub: string, connectionId: string): LocalSubscriber | undefined {
    return this.#hubs.get(hub)?.get(connectionId);
  }

  /** Live: it changes while connections come and go. */
  connections(hub: string): Iterable<LocalSubscriber> {
    return this.#hubs.get(hub)?.values() ?? [];
  }

  /** Over all hubs; live as well. */
  *allConnections(): Iterable<LocalSubscriber> {
    for (const connections of this.#hubs.values()) yield* connections.values();
  }

  /** A copy, so that members may come and go while it is walked. */
  members(hub: string, to: Addressed): LocalSubscriber[] {
    const target = this.find(hub, to);
    return target === undefined ? [] : target.members.map((membership) => membership.subscriber);
  }

  /** The target of a destination, if it is there; never makes one. */
  find(hub: string, to: Addressed): Target | undefined {
    return this.#targets.get(destinationKey(hub, to));
  }

  /** The same by its key on the backplane. */
  byKey(key: string): Target | undefined {
    return this.#targets.get(key);
  }

  /** The target of a destination, made when it is not there yet. */
  target(hub: string, to: Addressed): Target {
    const key = destinationKey(hub, to);
    const known = this.#targets.get(key);
    if (known !== undefined) return known;
    const name = to.kind === 'all' ? '' : to.name;
    const target = new Target(flat(key), to.kind, name, this.#rules.for(hub, to));
    this.#targets.set(target.key, target);
    if (this.#rolls.size > 0) target.roll = this.#rolls.get(key);
    return target;
  }

  /** Destinations whose members somebody watches, by key, whether they have a target or not. */
  get rolls(): ReadonlyMap<string, Roll> {
    return this.#rolls;
  }

  /** From now on the destination's target tells this roll who comes and leaves. */
  addRoll(roll: Roll): void {
    this.#rolls.set(roll.key, roll);
    const target = this.#targets.get(roll.key);
    if (target !== undefined) target.roll = roll;
  }

  removeRoll(roll: Roll): void {
    this.#rolls.delete(roll.key);
    const target = this.#targets.get(roll.key);
    if (target !== undefined) target.roll = undefined;
  }

  /** Forgets a target, unless another has taken its key. */
  forget(target: Target): void {
    if (this.#targets.get(target.key) === target) this.#targets.delete(target.key);
  }

  /** Closes every connection; used when the node stops. */
  closeAll(reason: string): void {
    for (const connections of this.#hubs.values()) {
      for (const subscriber of [...connections.values()]) {
        subscriber.owner.close(closeCodes.goingAway, reason);
      }
    }
  }
}

/** One piece in memory: a joined string would keep its parts alive beside it. */
function flat(text: string): string {
  return Buffer.from(text, 'utf16le').toString('utf16le');
}
