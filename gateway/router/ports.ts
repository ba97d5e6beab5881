/**
 * What the router offers to session and http. Both depend on these interfaces, not on the router's
 * classes, and so do their tests.
 */
import type { CloseCode } from '../protocol/close-codes.ts';
import type { Codec, Frame } from '../protocol/codec.ts';
import type { FilterSubject } from '../protocol/filter-subject.ts';
import type {
  GapNotice,
  GoAway,
  Metadata,
  OwnDestination,
  Payload,
  StreamFragment,
  StreamPosition,
} from '../protocol/model.ts';
import type {
  Attendance,
  ClientState,
  PresenceDestination,
  MemberPresence,
  LeaveKind,
} from '../protocol/presence-model.ts';
import type { Socket } from '../transport/transport.ts';
import type { Permissions } from '../protocol/permissions.ts';
import type { History, HistoryQuery, StreamInfo } from './stream-ports.ts';

/** Where a message goes. */
export type Destination =
  | { readonly kind: 'all' }
  | { readonly kind: 'user'; readonly name: string }
  | { readonly kind: 'group'; readonly name: string }
  | { readonly kind: 'connection'; readonly name: string };

/** Content sent to a destination. */
export interface Publication {
  /** Folded to lower case. */
  readonly hub: string;
  readonly to: Destination;
  /** Bytes are copied during the call of `publish`. */
  readonly payload: Payload;
  readonly metadata?: Metadata | undefined;
  readonly stream?: StreamFragment | undefined;
  /** The sending client; absent for messages of the server. */
  readonly sender?: { readonly connectionId: string; readonly userId: string | undefined };
  /** True: the sender's connection does not get it. Needs `sender`. */
  readonly noEcho?: boolean;
  /** Ids of connections that do not get it. */
  readonly excluded?: readonly string[];
  /** Filter expression, already checked with `compileFilter`; evaluated where receivers are. */
  readonly filter?: string | undefined;
  /** Seconds from now after which it is not delivered any more; undefined or 0: no limit. */
  readonly ttlSeconds?: number | undefined;
  /**
   * Makes a repeat harmless: publications of one hub and destination with equal ids are one. At most
   * 200 bytes, already scoped to who chose it; undefined: the node makes one up.
   */
  readonly id?: string | undefined;
}

/** What became of an accepted publication. */
export interface Published {
  readonly id: string;
  /** Its place, where the destination is a stream. */
  readonly position: StreamPosition | undefined;
  /** True: the id was stored before, and nothing new has happened. */
  readonly isDuplicate: boolean;
}

export interface Publisher {
  /**
   * Resolves when the backplane accepted it, or the store has stored it.
   * @throws GatewayError with code `backplane-unavailable` or `publish-outcome-unknown`.
   */
  publish(publication: Publication): Promise<Published>;
}

/** Retained messages; every method fails with `not-a-stream` where the destination is none. */
export interface Streams {
  /** @throws GatewayError `not-a-stream`, `position-diverged`, `backplane-unavailable`. */
  history(
    hub: string,
    to: Exclude<Destination, { kind: 'connection' }>,
    query: HistoryQuery,
  ): Promise<History>;
  info(hub: string, to: Exclude<Destination, { kind: 'connection' }>): Promise<StreamInfo>;
  purge(hub: string, to: Exclude<Destination, { kind: 'connection' }>): Promise<void>;
}

/** What came of a join: undefined where the destination is no stream. */
export interface Joined {
  /** Messages after this place follow, in order. */
  readonly position: StreamPosition;
  /** False: what lies between `since` and `position` cannot be had completely, and is not given. */
  readonly recovered: boolean;
}

/** A connection as the session holds it. */
export interface Subscriber extends FilterSubject {
  readonly hub: string;
  readonly codec: Codec;
  readonly socket: Socket;
  /** Sends a frame that concerns this connection only (acks, pongs), past the fan-out. */
  sendReply(frame: Frame): void;
  /** Tells the subscriber that its socket took more; it continues where it stopped. */
  onDrain(): void;
}

/** What the router may ask of whoever owns a connection (the session). */
export interface SubscriberOwner {
  permissions: Permissions;
  /** Says why (`system/disconnected` where the subprotocol has it), then closes the socket. */
  close(code: CloseCode, reason: string): void;
  /**
   * The node goes away. False: the client cannot be told; whoever asked calls `depart` at its time.
   */
  onGoAway(notice: GoAway): boolean;
  /**
   * Closes the socket with 1001, so that the client goes to another node. A connection that can be
   * resumed is kept for that node to take it over.
   */
  depart(reason: string): void;
  /** Messages are missing, or may be; told where the subprotocol can say it. */
  onGap(notice: GapNotice): void;
  /** The stream is complete up to here. */
  onBookmark(to: OwnDestination, position: StreamPosition): void;
}

export interface SubscriberOptions {
  readonly hub: string;
  readonly connectionId: string;
  readonly userId: string | undefined;
  readonly codec: Codec;
  readonly socket: Socket;
  readonly owner: SubscriberOwner;
}

/** Local connections of this node: used by the sessions of this node only. */
export interface LocalSubscribers {
  /** Makes the connection known by its id. It is a member of nothing yet; see `enter`. */
  attach(options: SubscriberOptions): Subscriber;
  /**
   * Adds it to its hub, its user and these groups. Resolves when the broker has confirmed the
   * interest in all of them; messages flow from then on.
   * Resolves with the places of those of them that are streams.
   * @throws GatewayError with code `backplane-unavailable`.
   */
  enter(subscriber: Subscriber, groups: readonly string[]): Promise<readonly Entered[]>;
  /**
   * Removes it from everything. Idempotent; called when the socket closed.
   * @param how whether its client may come back, for those who watch; by default it may not.
   */
  detach(subscriber: Subscriber, how?: LeaveKind): void;
  /**
   * Resolves when this node's interest in the group is confirmed by the broker.
   * Where it is a stream, `onJoined` is called before the first message that follows the position.
   * @throws GatewayError with code `too-many-groups` or `backplane-unavailable`.
   */
  join(subscriber: Subscriber, group: string, options?: JoinOptions): Promise<void>;
  /**
   * Begins again at a place in a stream of which the connection is a member by itself: what it was
   * given since it entered comes again.
   * @throws GatewayError with code `not-a-stream` or `backplane-unavailable`.
   */
  resume(subscriber: Subscriber, to: 'user' | 'all', options: JoinOptions): Promise<void>;
  leave(subscriber: Subscriber, group: string): void;
}

export interface JoinOptions {
  /** undefined: from now on. */
  readonly since?: StreamPosition | undefined;
  /** What the member says of itself; undefined: what it said before, or nothing. */
  readonly state?: ClientState | undefined;
  /** Called once, at most, in the moment from which messages flow; not where it is no stream. */
  readonly onJoined?: (joined: Joined) => void;
}

/** Where a stream stood when a connection entered it. */
export interface Entered {
  readonly to: OwnDestination;
  readonly position: StreamPosition;
}

/** What a destination with members is called. */
export type Addressed = Exclude<Destination, { readonly kind: 'connection' }>;

/** How far a connection has been given what was published to one of its destinations. */
export interface Cut {
  readonly to: Addressed;
  /** The last counter of each publishing node; what a node not named publishes is new. */
  readonly counters: readonly (readonly [nodeId: string, counter: number])[];
  /** Streams: everything up to this place. */
  readonly position: StreamPosition | undefined;
  readonly presence?: MemberPresence | undefined;
}

export type StreamCut = Cut & { readonly position: StreamPosition };

/** Keeps what comes for a connection that another node still serves. */
export interface Hold {
  /**
   * Keeps what comes for these, too. Resolves when the broker has confirmed the interest in them.
   * @throws GatewayError `backplane-unavailable`.
   */
  add(destinations: readonly Addressed[]): Promise<void>;
  /** False: something between the cuts and now is missing, because it came elsewhere or too much came. */
  isWhole(cuts: readonly Cut[]): boolean;
  /**
   * In one step: attaches the connection, makes it a member of the destinations of the cuts that are
   * no streams, and writes what is beyond the cuts to its socket. Ends the hold.
   */
  release(options: SubscriberOptions, cuts: readonly Cut[]): Subscriber;
  /** Then, for each stream: a member from its place on. False: something of it is lost. */
  follow(subscriber: Subscriber, cut: StreamCut): Promise<boolean>;
  /** Ends the hold, and forgets what it kept. Idempotent. */
  drop(): void;
}

/** Where a connection is that is not, or not only, here; undefined: it is, or nobody knows. */
export interface HandoverRoutes {
  /** The node that serves it now. */
  nodeOf(connectionId: string): string | undefined;
  /** The node to which it is being handed over, and which may not serve it in the end. */
  claimantOf(connectionId: string): string | undefined;
}

/** A connection's change of node, as the router does it. */
export interface Handovers {
  /**
   * Ms after which a confirmed interest is known to all publishing nodes, and what was published
   * before it has arrived where it goes.
   */
  readonly settleMs: number;
  /**
   * Resolves when this node has heard everything that the broker had for it at the time of the call;
   * rejects while that cannot be known.
   */
  caughtUp(): Promise<void>;
  /** Where its destinations stand now: everything up to there was written to its socket. */
  cutsOf(subscriber: Subscriber): readonly Cut[];
  hold(hub: string, connectionId: string): Hold;
  /** From now on messages to connections that are not, or not only, served here go on. */
  sendOn(routes: HandoverRoutes): void;
}

/** Other nodes, as sessions speak to them. */
export interface NodeCalls {
  readonly nodeId: string;
  /** @throws GatewayError: what the node said, or `nodes-missing` when it did not answer. */
  call(nodeId: string, call: string, args: readonly unknown[]): Promise<unknown>;
  /** Tells all nodes, this one included; where it is lost nobody hears of that. */
  tellAll(call: string, args: readonly unknown[]): void;
  /**
   * Asks all nodes, this one included.
   * @throws GatewayError of the backplane; never for missing answers.
   */
  askAll(call: string, args: readonly unknown[]): Promise<AllAnswers>;
  /** True: the node is dead or leaves, so what it had is gone, or has another node by now. */
  isGone(nodeId: string): boolean;
  /** True: the node was heard lately, and does not leave. */
  isAlive(nodeId: string): boolean;
  /** Other nodes that are alive. */
  others(): readonly string[];
  /** The node has given away what it had, and wants to get nothing any more. */
  leaves(nodeId: string): void;
  /** The node that accepted a connection; undefined when the id is not one of ours. */
  nodeOf(connectionId: string): string | undefined;
  /** Largest argument or answer in bytes that is carried for sure. */
  readonly bytesMax: number;
}

export interface AllAnswers {
  /** By node. */
  readonly answers: ReadonlyMap<string, unknown>;
  /** Nodes that should have answered and did not, as far as they are known. */
  readonly missing: readonly string[];
  /** False: a node may not have answered, so that "nobody" means "unknown". */
  readonly isComplete: boolean;
}

/** Where a connection has moved to. */
export interface Move {
  readonly nodeId: string;
  /** Counts the nodes that have served the connection: the highest is right. */
  readonly term: number;
}

/** Which connections are served by another node than the one that their id names. */
export interface Moves {
  /** undefined: none is known. May be this node. */
  nodeOf(connectionId: string): string | undefined;
  /** The same, with its place in the order of nodes. */
  moveOf(connectionId: string): Move | undefined;
  /** A node serves it; `term` counts the nodes that have, and the highest is right. */
  moved(connectionId: string, nodeId: string, term: number): void;
  /** The connection is over. */
  ended(connectionId: string): void;
}

export interface ConnectionInfo {
  readonly connectionId: string;
  readonly userId: string | undefined;
}

export interface ConnectionPage {
  readonly connections: readonly ConnectionInfo[];
  /** Opaque position of the next page; undefined at the end. */
  readonly continuation: string | undefined;
}

export interface CloseOptions {
  readonly reason: string | undefined;
  readonly excluded: readonly string[];
}

/**
 * Questions and orders about connections anywhere in the cluster. Promises, because the answer may
 * be another node's.
 */
export interface Directory {
  connectionExists(hub: string, connectionId: string): Promise<boolean>;
  groupExists(hub: string, group: string): Promise<boolean>;
  userExists(hub: string, userId: string): Promise<boolean>;
  listGroup(
    hub: string,
    group: string,
    page: { readonly limit: number; readonly continuation: string | undefined },
  ): Promise<ConnectionPage>;

  attendance(hub: string, to: PresenceDestination): Promise<Attendance>;
  closeConnection(hub: string, connectionId: string, reason: string | undefined): Promise<void>;
  closeUser(hub: string, userId: string, options: CloseOptions): Promise<void>;
  closeGroup(hub: string, group: string, options: CloseOptions): Promise<void>;
  closeAll(hub: string, options: CloseOptions): Promise<void>;

  /** False: no such connection. */
  addConnectionToGroup(hub: string, connectionId: string, group: string): Promise<boolean>;
  removeConnectionFromGroup(hub: string, connectionId: string, group: string): Promise<void>;
  removeConnectionFromAllGroups(hub: string, connectionId: string): Promise<void>;
  /** False: the user has no connection. */
  addUserToGroup(hub: string, userId: string, group: string): Promise<boolean>;
  removeUserFromGroup(hub: string, userId: string, group: string): Promise<void>;
  removeUserFromAllGroups(hub: string, userId: string): Promise<void>;
  /** Every connection that the filter matches joins every group. */
  addMatchingToGroups(hub: string, filter: string, groups: readonly string[]): Promise<void>;
  removeMatchingFromGroups(hub: string, filter: string, groups: readonly string[]): Promise<void>;

  /** False: no such connection. `group` undefined: for all groups. */
  grantPermission(
    hub: string,
    connectionId: string,
    permission: 'joinLeaveGroup' | 'sendToGroup',
    group: string | undefined,
  ): Promise<boolean>;
  revokePermission(
    hub: string,
    connectionId: string,
    permission: 'joinLeaveGroup' | 'sendToGroup',
    group: string | undefined,
  ): Promise<void>;
  hasPermission(
    hub: string,
    connectionId: string,
    permission: 'joinLeaveGroup' | 'sendToGroup',
    group: string | undefined,
  ): Promise<boolean>;
}
