/** What a session is made with: the services of its node, and who is speaking. */
import type { Limits } from '../limits.ts';
import type { Codec } from '../protocol/codec.ts';
import type { Permissions } from '../protocol/permissions.ts';
import type { LocalSubscribers, Publisher, Streams } from '../router/ports.ts';
import type { EventHandlers } from './event-handlers.ts';
import type { StreamSweep } from './group-streams.ts';
import type { SessionCounters } from './session-counters.ts';

/** What all sessions of a node share. */
export interface SessionServices {
  readonly publisher: Publisher;
  readonly subscribers: LocalSubscribers;
  readonly streams: Pick<Streams, 'history'>;
  readonly events: EventHandlers;
  readonly streamSweep: StreamSweep;
  readonly limits: Limits;
  readonly counters: SessionCounters;
  /** Is told every error that is a fault of the gateway itself. Must not throw. */
  readonly onError: (error: unknown) => void;
}

/** A connection as the parts of its session see it. */
export interface Connection {
  readonly hub: string;
  readonly connectionId: string;
  readonly userId: string | undefined;
  /** As they are now: they change while the connection is open. */
  readonly permissions: Permissions;
}

/** Who is speaking, as the handshake found out. */
export interface SessionIdentity extends Connection {
  /** Groups to be a member of from the start. */
  readonly groups: readonly string[];
  readonly codec: Codec;
}
