/**
 * The one model behind every client subprotocol: what clients ask for (commands), what the gateway
 * answers to one connection (replies), and what travels between clients (messages). A codec turns a
 * subprotocol's frames into commands, and replies and messages into frames. Nothing here knows a
 * socket, a broker or an encoding.
 */

import type {
  ClientState,
  PresenceNotice,
  SetState,
  UnwatchPresence,
  WatchPresence,
} from './presence-model.ts';

/** How the bytes of a payload are to be read. */
export type DataType = 'json' | 'text' | 'binary' | 'protobuf';

/** Content of a message. */
export interface Payload {
  readonly dataType: DataType;
  /**
   * `json`: the UTF-8 bytes of exactly one JSON value, as the sender wrote it; `text`: UTF-8;
   * `binary` and `protobuf`: raw bytes (never base64). May be a view into a frame that is only
   * valid during the current synchronous call: copy it to keep it.
   */
  readonly bytes: Uint8Array;
}

/**
 * An unsigned 64-bit id chosen by a client. Canonical form: a number up to
 * `Number.MAX_SAFE_INTEGER`, a bigint above it, so that equal ids are `===`.
 */
export type ClientId64 = number | bigint;

/** String pairs that travel beside a payload (Azure "metadata"), bounded by limits. */
export type Metadata = Readonly<Record<string, string>>;

/** A place in a stream, as clients hold it: after the message with this offset. Opaque to them. */
export interface StreamPosition {
  readonly epoch: string;
  readonly offset: number;
  readonly tag: number;
}

/** A destination as one connection means it: a group, its own user, or all of its hub. */
export type OwnDestination =
  { readonly kind: 'group'; readonly name: string } | { readonly kind: 'user' | 'all' };

/** Asks to become a member of a group. Answered by an ack when `ackId` is given. */
export interface JoinGroup {
  readonly kind: 'joinGroup';
  readonly group: string;
  /** What the new member says of itself. */
  readonly state?: ClientState | undefined;
  /** Everything after this place is wanted, too, where the group is a stream. */
  readonly since?: StreamPosition | undefined;
  readonly ackId: ClientId64 | undefined;
}

/** Asks for everything after a place in a stream that the connection is a member of by itself. */
export interface Resume {
  readonly kind: 'resume';
  readonly to: 'user' | 'all';
  readonly since: StreamPosition;
  readonly ackId: ClientId64 | undefined;
}

/** Asks for retained messages; the answer is a `history` reply, or a failed ack. */
export interface ReadHistory {
  readonly kind: 'history';
  readonly to: OwnDestination;
  /** Only what comes after this place. Not together with `reverse`. */
  readonly after: StreamPosition | undefined;
  /** Only what comes before this offset. */
  readonly before: number | undefined;
  readonly limit: number;
  /** True: newest first. */
  readonly reverse: boolean;
  readonly ackId: ClientId64;
}

/** Brings a new token for the same user in time before the present one expires. */
export interface RefreshToken {
  readonly kind: 'refreshToken';
  readonly token: string;
  readonly ackId: ClientId64 | undefined;
}

/** Asks to leave a group. Leaving a group one is not in succeeds. */
export interface LeaveGroup {
  readonly kind: 'leaveGroup';
  readonly group: string;
  readonly ackId: ClientId64 | undefined;
}

/** Publishes to a group. */
export interface SendToGroup {
  readonly kind: 'sendToGroup';
  readonly group: string;
  /** Chosen by the client: a repeat with the same id, also on another connection, has no effect. */
  readonly id?: string | undefined;
  readonly payload: Payload;
  readonly ackId: ClientId64 | undefined;
  /** True: this connection does not get its own message. */
  readonly noEcho: boolean;
  /** Seconds after which the message is worthless, 1..300; undefined or 0: never. */
  readonly ttlSeconds: number | undefined;
  readonly metadata: Metadata | undefined;
}

/** An event for the application's own backend. */
export interface SendEvent {
  readonly kind: 'event';
  readonly event: string;
  readonly payload: Payload;
  readonly ackId: ClientId64 | undefined;
  readonly metadata: Metadata | undefined;
}

/** A request to the application's own backend that wants one reply. */
export interface Invoke {
  readonly kind: 'invoke';
  readonly invocationId: string;
  readonly event: string;
  readonly payload: Payload;
}

/** Withdraws an `invoke`; its response, if any, is not wanted any more. */
export interface CancelInvocation {
  readonly kind: 'cancelInvocation';
  readonly invocationId: string;
}

/** Opens an ordered stream of fragments to a group. */
export interface StreamStart {
  readonly kind: 'streamStart';
  readonly group: string;
  readonly noEcho: boolean;
  readonly streamId: string;
  /** Milliseconds without a fragment after which the gateway ends the stream. */
  readonly idleTimeoutMs: number | undefined;
}

/** One fragment of an open stream; without a payload it only keeps the stream alive. */
export interface StreamData {
  readonly kind: 'streamData';
  readonly streamId: string;
  readonly streamSequenceId: number | undefined;
  readonly payload: Payload | undefined;
}

/** Ends a stream, normally or with the publisher's error. */
export interface StreamEnd {
  readonly kind: 'streamEnd';
  readonly streamId: string;
  readonly error: { readonly message?: string; readonly userErrorCode?: string } | undefined;
}

/** Keep-alive of clients that cannot send WebSocket pings. */
export interface Ping {
  readonly kind: 'ping';
}

/** Cumulative acknowledgement of a reliable subprotocol; ignored by the others. */
export interface SequenceAck {
  readonly kind: 'sequenceAck';
  readonly sequenceId: ClientId64;
}

/** Everything a client can ask for. */
export type Command =
  | JoinGroup
  | LeaveGroup
  | Resume
  | ReadHistory
  | RefreshToken
  | WatchPresence
  | UnwatchPresence
  | SetState
  | SendToGroup
  | SendEvent
  | Invoke
  | CancelInvocation
  | StreamStart
  | StreamData
  | StreamEnd
  | Ping
  | SequenceAck;

/** Names of errors in acks and responses (Azure §3.3); an open set for clients. */
export type ReplyErrorName =
  | 'Forbidden'
  | 'InternalServerError'
  | 'Duplicate'
  | 'BadRequest'
  | 'NotFound'
  | 'Timeout'
  | 'InvocationFailed';

export interface ReplyError {
  readonly name: ReplyErrorName;
  /** For the client's developer: names the thing, the value and the remedy. */
  readonly message: string;
}

export type StreamErrorName =
  | 'StreamNotFound'
  | 'Forbidden'
  | 'BadRequest'
  | 'InternalServerError'
  | 'IdleTimeout'
  | 'Cancelled';

/** What a connection is told at its beginning by subprotocols of our own. */
export interface Greeting {
  /** A sign of life comes at least this often, in ms. */
  readonly heartbeatMs: number;
  /** When the token expires, in ms from now; undefined: never. */
  readonly tokenExpiresInMs: number | undefined;
  /** Where the streams stand that the connection is a member of from the start. */
  readonly streams: readonly { readonly to: OwnDestination; readonly position: StreamPosition }[];
}

export interface AckOutcome {
  /** Publish: the publication's id. */
  readonly id?: string | undefined;
  /** Publish: its place. Join and resume: the messages after this place follow. */
  readonly position?: StreamPosition | undefined;
  /** Join and resume with `since`: false says that messages were lost; `position` is a new start. */
  readonly recovered?: boolean | undefined;
}

/** The node goes away: connect to another one, at a time of one's own choice. */
export interface GoAway {
  readonly kind: 'goaway';
  readonly reason: string;
  /** Reconnect after a random time up to this many ms; the old connection serves meanwhile. */
  readonly withinMs: number;
}

export type GapNoticeReason =
  /** Live messages may be missing: the node was cut off from the broker. */
  | 'backplane'
  /** Retention took messages before this connection could be given them. */
  | 'retention'
  /** The broker has lost what it had acknowledged. */
  | 'diverged'
  /** The connection was too slow, and its destination's policy drops messages. */
  | 'slow';

/** Messages are missing, or may be. */
export interface GapNotice {
  readonly kind: 'gap';
  /** undefined: all destinations of the connection that are no streams. */
  readonly to: OwnDestination | undefined;
  readonly reason: GapNoticeReason;
  /** How many were dropped, where that is known. */
  readonly dropped?: number | undefined;
  /** Streams: nothing after `from` was given, and delivery goes on after `position`. */
  readonly from?: StreamPosition | undefined;
  readonly position?: StreamPosition | undefined;
}

export interface HistoryReply {
  readonly kind: 'history';
  readonly ackId: ClientId64;
  readonly to: OwnDestination;
  readonly messages: readonly Message[];
  /** False: retention has taken messages from the range that was asked for. */
  readonly isComplete: boolean;
  /** True: there is more in the direction that was asked for. */
  readonly hasMore: boolean;
  /** Ask for what is after (reverse: before) this place to go on; there while there is more. */
  readonly next?: StreamPosition | undefined;
  /** Where the stream ends now. */
  readonly position: StreamPosition;
}

/** What the gateway says to one connection about that connection. */
export type Reply =
  | {
      readonly kind: 'connected';
      readonly connectionId: string;
      readonly userId: string | undefined;
      /** Only for reliable subprotocols. */
      readonly reconnectionToken: string | undefined;
      /** Only for subprotocols of our own. */
      readonly greeting?: Greeting | undefined;
    }
  | { readonly kind: 'disconnected'; readonly reason: string }
  | {
      readonly kind: 'ack';
      readonly ackId: ClientId64;
      /** undefined: success. */
      readonly error: ReplyError | undefined;
      /** What came of a publish or a join beyond success; only some subprotocols can say it. */
      readonly outcome?: AckOutcome | undefined;
    }
  | { readonly kind: 'pong' }
  | { readonly kind: 'heartbeat' }
  | GoAway
  | GapNotice
  | {
      /** The stream is complete up to here: who has all so far lifts its position to it. */
      readonly kind: 'bookmark';
      readonly to: OwnDestination;
      readonly position: StreamPosition;
    }
  | HistoryReply
  | PresenceNotice
  | {
      readonly kind: 'invokeResponse';
      readonly invocationId: string;
      readonly result: Payload | ReplyError;
    }
  | {
      readonly kind: 'streamAck';
      readonly streamId: string;
      readonly expectedSequenceId: number;
    }
  | {
      readonly kind: 'streamNack';
      readonly streamId: string;
      readonly name: 'InvalidSequenceId' | 'TransientError';
      readonly message: string;
      readonly expectedSequenceId: number;
    }
  | {
      readonly kind: 'streamClosed';
      readonly streamId: string;
      readonly error: { readonly name: StreamErrorName; readonly message: string } | undefined;
    };

/** Place of a group message inside a client-to-group stream (Azure §3.4). */
export interface StreamFragment {
  readonly streamId: string;
  readonly streamSequenceId: number;
  readonly endOfStream?: boolean;
  readonly error?: {
    /** A `StreamErrorName`, or `UserError` for what the publisher said. */
    readonly name: string;
    readonly message?: string;
    readonly userErrorCode?: string;
  };
}

/**
 * What a receiver sees of a publication. Getters may decode lazily, so read each once. Metadata and
 * stream belong to the optional part and are undefined for nearly all messages.
 */
export interface Message {
  /** `group`: it was sent to a group (by whomever); `server`: to all, a user or a connection. */
  readonly from: 'group' | 'server';
  /** The group's name when `from` is `group`, else undefined. */
  readonly group: string | undefined;
  /** The sending client's user; undefined for messages of the server and of anonymous clients. */
  readonly fromUserId: string | undefined;
  readonly payload: Payload;
  readonly metadata: Metadata | undefined;
  readonly stream: StreamFragment | undefined;
  /** What kind of destination it was sent to. */
  readonly kind: 'all' | 'user' | 'group' | 'connection';
  /** Its id and place, where the destination is a stream. */
  readonly place?: MessagePlace | undefined;
}

/** Where a message of a stream stands. */
export interface MessagePlace {
  readonly id: string;
  readonly epoch: string;
  readonly offset: number;
  /** Offset of the message before it; undefined: not known, the gateway has seen to it. */
  readonly prev: number | undefined;
  readonly tag: number;
  /** Ms since 1970 by the store's clock. */
  readonly storedAtMs: number;
}
