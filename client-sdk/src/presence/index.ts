/** The public entry of @trunkline/client/presence: who is in a group, or online in the hub. */
import type { Client } from '../client.ts';
import { Emitter, type Listener } from '../emitter.ts';
import type { Group } from '../group.ts';
import type { Host } from '../host.ts';
import { presenceKeyOf } from '../roster.ts';
import type { Destination } from '../wire.ts';
import type {
  PresenceDifference,
  PresenceMember,
  PresenceMembers,
  PresenceState,
} from './members.ts';
import { PresenceView } from './view.ts';
import { Watch } from './watch.ts';

export type {
  PresenceConnection,
  PresenceDifference,
  PresenceMember,
  PresenceMembers,
  PresenceState,
} from './members.ts';

export interface PresenceOptions {
  /**
   * After a reconnect, whoever is missing is taken as gone only after this time. Default 3,000; that
   * of who asks first counts.
   */
  readonly holdMs?: number | undefined;
}

/** Who is there. The same object until something changes. */
export interface PresenceSnapshot {
  readonly members: PresenceMembers;
  readonly connections: number;
  /** Undefined while `isCounting`. */
  readonly users: number | undefined;
  /** True: there are too many to tell who, `members` is empty, and nobody's leaving is told. */
  readonly isCounting: boolean;
  /** False: there is no view yet, or no connection, and this is what was known last. */
  readonly isCurrent: boolean;
}

export interface PresenceEvents {
  /** After the events of the single members; with nobody in it where only numbers changed. */
  readonly change: PresenceDifference;
  readonly join: PresenceMember;
  /** As it was last. */
  readonly leave: PresenceMember;
  /** Its state or its connections have changed. */
  readonly update: PresenceMember;
}

const defaultHoldMs = 3000;
const nobody: PresenceDifference = { joined: [], left: [], updated: [] };

export class Presence {
  readonly #emitter: Emitter<PresenceEvents>;
  readonly #view: PresenceView;
  readonly #watch: Watch<Presence>;
  readonly #onStop: () => void;
  #users = 0;
  #snapshot: PresenceSnapshot;

  /** For `presence`. */
  constructor(host: Host, place: Destination, { holdMs = defaultHoldMs, onStop }: Parts) {
    this.#onStop = onStop;
    this.#emitter = new Emitter(host.report);
    this.#view = new PresenceView({
      clock: host.clock,
      holdMs,
      onChange: (difference) => this.#changed(difference),
    });
    this.#watch = new Watch<Presence>({
      host,
      place,
      holder: this,
      onPresence: (frame, isFirst) => this.#view.take(frame, isFirst),
      onLost: () => {
        this.#view.pause();
        this.#changed(nobody);
      },
    });
    this.#snapshot = this.#look();
    this.#watch.start();
  }

  get members(): PresenceMembers {
    return this.#snapshot.members;
  }

  /** The same object until something changes. */
  get(): PresenceSnapshot {
    return this.#snapshot;
  }

  /**
   * Returns a function that takes the listener off. Who is there already is told by `get`, and not
   * once more by `join`.
   */
  on<Name extends keyof PresenceEvents>(
    name: Name,
    listener: Listener<PresenceEvents[Name]>,
  ): () => void {
    return this.#emitter.on(name, listener);
  }

  /**
   * What this client says of itself in the group, on this connection and all that follow; undefined:
   * nothing. Only the last state counts. A refusal goes to the client's `error`.
   */
  setState(state: PresenceState | undefined): void {
    if (this.#users === 0) return;
    this.#watch.setState(state === undefined ? undefined : { ...state });
  }

  /** One user fewer; without any, it ends. */
  stop(): void {
    if (this.#users === 0) return;
    this.#users -= 1;
    if (this.#users > 0) return;
    this.#view.stop();
    this.#watch.stop();
    this.#onStop();
  }

  /** For `presence`: one user more. */
  use(): this {
    this.#users += 1;
    return this;
  }

  #changed(difference: PresenceDifference): void {
    this.#snapshot = this.#look();
    const { joined, left, updated } = difference;
    for (const member of joined) this.#emitter.emit('join', member);
    for (const member of updated) this.#emitter.emit('update', member);
    for (const member of left) this.#emitter.emit('leave', member);
    this.#emitter.emit('change', difference);
  }

  #look(): PresenceSnapshot {
    const { connections, isCounting, members } = this.#view;
    const users = [...members.values()].filter(({ userId }) => userId !== undefined).length;
    return {
      members,
      connections,
      users: isCounting ? undefined : users,
      isCounting,
      isCurrent: this.#watch.isCurrent,
    };
  }
}

interface Parts extends PresenceOptions {
  readonly onStop: () => void;
}

/** Whoever is there, without a word of one's own: a hub has no state. */
export type HubPresence = Omit<Presence, 'setState'>;

type Room = Pick<Group, 'host' | 'leave' | 'name' | 'use'>;

/**
 * Watches who is in a group, or online in the hub; for the same one always the same object, until as
 * many have called `stop` as have asked. It keeps the group joined.
 */
export function presence(group: Room, options?: PresenceOptions): Presence;
export function presence(client: Pick<Client, 'host'>, options?: PresenceOptions): HubPresence;
export function presence(
  of: Room | Pick<Client, 'host'>,
  { holdMs }: PresenceOptions = {},
): Presence {
  const { host } = of;
  const group = 'use' in of ? of : undefined;
  const place: Destination = group === undefined ? { to: 'all' } : { group: group.name };
  const known = host.roster.find(presenceKeyOf(place));
  // Under such a key there is nothing else.
  const watch = known as Watch<Presence> | undefined;
  // One that was refused is done for: a new token may allow what the old one did not.
  if (watch !== undefined && !watch.isRefused) return watch.holder.use();
  group?.use();
  return new Presence(host, place, { holdMs, onStop: () => group?.leave() }).use();
}
