/** What a session is made with: the services of its node, and who is speaking. */
import type { Limits } from '../limits.ts';
import type { Codec, Frame } from '../protocol/codec.ts';
import type { ClientId64 } from '../protocol/model.ts';
import type { Permissions } from '../protocol/permissions.ts';
import type { LocalSubscribers, Publisher, Streams } from '../router/ports.ts';
import type { Presence } from '../router/presence/ports.ts';
import type { ClientIdentity } from '../tokens/verify.ts';
import type { EventHandlers } from './event-handlers.ts';
import type { StreamSweep } from './group-streams.ts';
import type { Heartbeats } from './heartbeats.ts';
import type { SessionCounters } from './session-counters.ts';
import type { TokenExpiry } from './token-expiry.ts';

/** What all sessions of a node share. */
export interface SessionServices {
  readonly publisher: Publisher;
  readonly subscribers: LocalSubscribers;
  readonly streams: Pick<Streams, 'history'>;
  readonly presence: Presence;
  readonly events: EventHandlers;
  readonly streamSweep: StreamSweep;
  readonly heartbeats: Heartbeats;
  readonly tokenExpiry: TokenExpiry;
  /** @throws GatewayError with code `bad-token`, or `issuer-unavailable`; at once, or later. */
  readonly verifyClient: (token: string, hub: string) => ClientIdentity | Promise<ClientIdentity>;
  readonly permissionsFor: (roles: readonly string[]) => Permissions;
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
  /** Of the token: seconds since 1970; infinity: never, or there was none. */
  readonly expiresAt: number;
  readonly codec: Codec;
  /** undefined: the connection ends with its socket. */
  readonly reliability?: Reliability | undefined;
}

/** What a reliable subprotocol adds to a session; its socket outlives those of the client. */
export interface Reliability {
  /** For `connected`: with it the client may come back. */
  reconnectionToken(): string;
  /** The client has every message up to this number. */
  acknowledge(sequenceId: ClientId64): void;
  /**
   * Numbers a message for this connection alone, and gives it to the client. Resolves when the
   * client's socket has it, or there is no socket: what is replied then does not overtake it.
   */
  deliver(frame: Frame): Promise<void>;
  /** Closes the client's socket with 1001 and keeps the connection for it to come back. */
  release(reason: string): void;
}
