/**
 * Puts together what the gateway says of who is there. After a reconnect, whoever is missing is kept
 * for a short time, because the others lose their connections when this client does.
 */
import type { Clock } from '../environment.ts';
import {
  differenceOf,
  membersOf,
  type PresenceConnection,
  type PresenceDifference,
  type PresenceMembers,
} from './members.ts';

/** A `presence` of the gateway (docs/PROTOCOL.md). */
export type PresenceFrame =
  | { readonly kind: 'snapshot'; readonly members: readonly WireMember[] }
  | {
      readonly kind: 'changes';
      readonly set: readonly WireMember[];
      readonly left: readonly string[];
    }
  | { readonly kind: 'counts'; readonly connections: number };

export interface WireMember {
  readonly connectionId: string;
  readonly userId?: string | null;
  readonly state?: Readonly<Record<string, string>>;
  readonly since: number;
}

export interface ViewOptions {
  readonly clock: Clock;
  readonly holdMs: number;
  /** Is told after each change, even where only the number of connections is another. */
  readonly onChange: (difference: PresenceDifference) => void;
}

type Connections = Map<string, PresenceConnection>;

export class PresenceView {
  readonly #options: ViewOptions;
  #connections: Connections = new Map();
  /** Who was there before the reconnect, and is missing since. */
  readonly #held: Connections = new Map();
  readonly #cancels = new Set<() => void>();
  #members: PresenceMembers = new Map();
  /** Undefined: members are told. */
  #counted: number | undefined;

  constructor(options: ViewOptions) {
    this.#options = options;
  }

  get members(): PresenceMembers {
    return this.#members;
  }

  /** True: there are too many to tell who. */
  get isCounting(): boolean {
    return this.#counted !== undefined;
  }

  /** How many connections there are, those that are kept included. */
  get connections(): number {
    return this.#counted ?? this.#connections.size + this.#held.size;
  }

  /** `isAfterReconnect`: whoever is missing in it is kept for a while. */
  take(frame: PresenceFrame, isAfterReconnect: boolean): void {
    this.#counted = undefined;
    switch (frame.kind) {
      case 'snapshot': {
        const before = this.#connections;
        this.#connections = new Map();
        for (const member of frame.members) this.#set(member, before);
        if (isAfterReconnect) this.#hold(before);
        break;
      }
      case 'changes':
        for (const member of frame.set) this.#set(member, this.#connections);
        for (const id of frame.left) this.#connections.delete(id);
        break;
      case 'counts':
        this.#counted = frame.connections;
        this.#connections.clear();
        this.stop();
        break;
    }
    this.#show();
  }

  /** The connection is lost: nobody goes before the next view, and nothing waits. */
  pause(): void {
    for (const [id, connection] of this.#held) this.#connections.set(id, connection);
    this.stop();
  }

  /** Ends the timers, and with them what is kept. */
  stop(): void {
    for (const cancel of this.#cancels) cancel();
    this.#cancels.clear();
    this.#held.clear();
  }

  #set(member: WireMember, known: Connections): void {
    const { connectionId, since, state = {}, userId } = member;
    const connection = { connectionId, userId: userId ?? undefined, state, since };
    const before = known.get(connectionId);
    const isSame = JSON.stringify(before) === JSON.stringify(connection);
    this.#connections.set(connectionId, before !== undefined && isSame ? before : connection);
  }

  #hold(before: Connections): void {
    const missing = [...before].filter(([id]) => !this.#connections.has(id));
    if (missing.length === 0) return;
    for (const [id, connection] of missing) this.#held.set(id, connection);
    const cancel = this.#options.clock.after(this.#options.holdMs, () => {
      this.#cancels.delete(cancel);
      for (const [id] of missing) this.#held.delete(id);
      this.#show();
    });
    this.#cancels.add(cancel);
  }

  #show(): void {
    const users = new Set([...this.#connections.values()].map(({ userId }) => userId));
    for (const [id, { userId }] of this.#held) {
      // Back by another connection, or by the same.
      const isBack = (userId !== undefined && users.has(userId)) || this.#connections.has(id);
      if (isBack) this.#held.delete(id);
    }
    const before = this.#members;
    const connections = [...this.#connections.values(), ...this.#held.values()];
    this.#members = membersOf(connections, before);
    // What was told while all were told is void when only their number is.
    const nobody = { joined: [], left: [], updated: [] };
    this.#options.onChange(this.isCounting ? nobody : differenceOf(before, this.#members));
  }
}
