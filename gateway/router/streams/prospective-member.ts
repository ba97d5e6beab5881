/**
 * A subscriber on its way into a group, as a filter has to see it: what it missed is decided as for
 * a member, which it will be and would have been live.
 */
import type { Receiver } from '../delivery.ts';
import type { LocalSubscriber } from '../local-subscriber.ts';
import type { Target } from '../target.ts';

/** The subscriber itself where joining the target changes none of its groups. */
export function asMember(subscriber: LocalSubscriber, target: Target): Receiver {
  const isAlready = target.kind !== 'group' || subscriber.isInGroup(target.name);
  return isAlready ? subscriber : new ProspectiveMember(subscriber, target.name);
}

class ProspectiveMember implements Receiver {
  readonly connectionId: string;
  readonly userId: string | undefined;
  readonly subprotocol: string | undefined;
  readonly codec: Receiver['codec'];
  readonly encoderIndex: number;
  readonly #subscriber: LocalSubscriber;
  readonly #group: string;

  constructor(subscriber: LocalSubscriber, group: string) {
    this.connectionId = subscriber.connectionId;
    this.userId = subscriber.userId;
    this.subprotocol = subscriber.subprotocol;
    this.codec = subscriber.codec;
    this.encoderIndex = subscriber.encoderIndex;
    this.#subscriber = subscriber;
    this.#group = group;
  }

  *groupNames(): Iterable<string> {
    yield* this.#subscriber.groupNames();
    yield this.#group;
  }

  groupCount(): number {
    return this.#subscriber.groupCount() + 1;
  }

  isInGroup(name: string): boolean {
    return name === this.#group || this.#subscriber.isInGroup(name);
  }
}
