/** Who is in a group, or online, as React reads it. */
import type { Client } from '../client.ts';
import {
  presence,
  type HubPresence,
  type Presence,
  type PresenceSnapshot,
  type PresenceState,
} from '../presence/index.ts';
import { Lease } from './lease.ts';

/** Before the first view, and on a server. */
const nobody: PresenceSnapshot = {
  members: new Map(),
  connections: 0,
  users: 0,
  isCounting: false,
  isCurrent: false,
};

interface Held {
  readonly online: HubPresence;
  /** The same, where it is of a group. */
  readonly group: Presence | undefined;
}

export class PresenceStore {
  readonly #lease: Lease<Held>;

  /** `name` undefined: everybody who is online. Nothing is watched before the first `subscribe`. */
  constructor(client: Client, name: string | undefined) {
    this.#lease = new Lease<Held>(
      () => {
        if (name === undefined) return { online: presence(client), group: undefined };
        const room = client.group(name);
        const group = presence(room);
        // Presence keeps it joined.
        room.leave();
        return { online: group, group };
      },
      ({ online }) => online.stop(),
    );
  }

  readonly subscribe = (onChange: () => void): (() => void) => {
    const release = this.#lease.use();
    const off = this.#lease.held?.online.on('change', onChange);
    return () => {
      off?.();
      release();
    };
  };

  readonly get = (): PresenceSnapshot => this.#lease.held?.online.get() ?? nobody;

  readonly getOnServer = (): PresenceSnapshot => nobody;

  /** Of the group; without a group, and while nobody subscribes, it does nothing. */
  readonly setState = (state: PresenceState | undefined): void => {
    this.#lease.held?.group?.setState(state);
  };
}
