/**
 * The one model behind every client subprotocol: what clients ask for (commands), what the gateway
 * answers to one connection (replies), and what travels between clients (messages). A codec turns a
 * subprotocol's frames into commands, and replies and messages into frames. Nothing here knows a
 * socket, a broker or an encoding.
 */

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

/** Asks to become a member of a group. Answered by an ack when `ackId` is given. */
export interface JoinGroup {
  readonly kind: 'joinGroup';
  readonly group: string;
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

/** What the gateway says to one connection about that connection. */
export type Reply =
  | {
      readonly kind: 'connected';
      readonly connectionId: string;
      readonly userId: string | undefined;
      /** Only for reliable subprotocols. */
      readonly reconnectionToken: string | undefined;
    }
  | { readonly kind: 'disconnected'; readonly reason: string }
  | {
      readonly kind: 'ack';
      readonly ackId: ClientId64;
      /** undefined: success. */
      readonly error: ReplyError | undefined;
    }
  | { readonly kind: 'pong' }
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
}
