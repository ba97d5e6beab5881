/** What presence offers to session and http: who is in a group or online, over all nodes. */
import type { ClientState, PresenceDestination } from '../../protocol/presence-model.ts';
import type { Subscriber } from '../ports.ts';

export interface WatchRequest {
  readonly subscriber: Subscriber;
  readonly to: PresenceDestination;
  /** Asked before everything that it is told: false ends the watch. */
  readonly isAllowed: () => boolean;
}

/** For the sessions of this node. */
export interface Presence {
  /**
   * Resolves when every node that answers has said who is there, with a function that tells it to the
   * subscriber and begins to tell the changes. Another watch of the same place takes the place of the
   * first.
   * @throws GatewayError `too-many-watches`.
   */
  watch(request: WatchRequest): Promise<() => void>;
  /** Ends a watch. Idempotent. */
  unwatch(subscriber: Subscriber, to: PresenceDestination): void;
  /** Ends all watches of a subscriber; call it when its connection is over. Idempotent. */
  forget(subscriber: Subscriber): void;
  /** Its client may have missed something: all that it watches is told again. */
  retell(subscriber: Subscriber): void;
  /** What the subscriber watches. */
  watched(subscriber: Subscriber): readonly PresenceDestination[];
  /** @throws GatewayError `bad-request`: the state is larger than allowed. */
  checkState(state: ClientState | undefined): void;
  /**
   * Changes what a member says of itself in a group; undefined: nothing any more.
   * @throws GatewayError `bad-request`: it is no member, or the state is larger than allowed.
   */
  setState(subscriber: Subscriber, group: string, state: ClientState | undefined): void;
}
