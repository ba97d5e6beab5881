/** Reads who is in a group, or online in the hub. */
import type { Destination } from './messages.ts';
import type { CallOptions } from './options.ts';
import { pathOf } from './publisher.ts';
import { jsonOf, type Rest } from './rest.ts';

export interface PresenceMember {
  readonly connectionId: string;
  /** Undefined: it has no user. */
  readonly userId: string | undefined;
  /** What the client has said of itself. */
  readonly state: Readonly<Record<string, string>>;
  /** When it came, in ms since 1970. */
  readonly since: number;
}

export interface PresenceCounts {
  readonly connections: number;
  /** Undefined: there are too many to tell the users apart. */
  readonly users: number | undefined;
}

export interface Presence extends PresenceCounts {
  /** Empty where there are more than the gateway's bound: then only the counts are known. */
  readonly members: readonly PresenceMember[];
  /** False: not every member is here. */
  readonly isComplete: boolean;
}

interface WirePresence {
  readonly connections: number;
  readonly users?: number;
  readonly members?: readonly {
    readonly connectionId: string;
    readonly userId?: string | null;
    readonly state?: Readonly<Record<string, string>>;
    readonly since: number;
  }[];
  readonly isComplete?: boolean;
}

export class PresenceReader {
  readonly #rest: Rest;

  constructor(rest: Rest) {
    this.#rest = rest;
  }

  /** @throws TrunklineError. */
  async read(to: Destination, options?: CallOptions): Promise<Presence> {
    const { connections, isComplete, members = [], users } = await this.#ask(to, options);
    return {
      connections,
      users,
      members: members.map(({ connectionId, since, state = {}, userId }) => ({
        connectionId,
        userId: userId ?? undefined,
        state,
        since,
      })),
      isComplete: isComplete === true,
    };
  }

  /** @throws TrunklineError. */
  async count(to: Destination, options?: CallOptions): Promise<PresenceCounts> {
    const { connections, users } = await this.#ask(to, options, 'counts');
    return { connections, users };
  }

  #ask(to: Destination, options: CallOptions = {}, view?: 'counts'): Promise<WirePresence> {
    return this.#rest.call(
      {
        method: 'GET',
        path: [...pathOf(to), 'presence'],
        query: [['view', view]],
        isRepeatable: true,
        // The form of the gateway's answers (docs/openapi.yaml).
        read: (answer) => jsonOf(answer) as WirePresence,
      },
      options,
    );
  }
}
