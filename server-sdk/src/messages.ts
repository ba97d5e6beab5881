/** What is published and what came of it: the shapes of messages over HTTP. */
import { TrunklineError } from './errors.ts';
import type { CallOptions } from './options.ts';
import { positionOf, type Position } from './position.ts';
import { fromBase64, toBase64 } from './token.ts';

/** How a message's data is carried. */
export type DataType = 'json' | 'text' | 'binary' | 'protobuf';

/** Where a message goes. */
export type Destination =
  | { readonly kind: 'all' }
  | { readonly kind: 'user' | 'group' | 'connection'; readonly name: string };

/** What a message to a connection can have. */
export interface MessageOptions {
  /**
   * 1 to 255 characters of ASCII. The same id again to the same destination has no second effect.
   * Default: a random one, equal for all attempts.
   */
  readonly id?: string | undefined;
  /** 0 to 300: where it could not be delivered in that time, it is dropped. */
  readonly ttlSeconds?: number | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

/** What a message to a user can have. */
export interface FilteredMessageOptions extends MessageOptions {
  /** OData expression over connections, as in Azure: only those that it matches get it. */
  readonly filter?: string | undefined;
}

/** What a message to a group or to all can have. */
export interface ExcludingMessageOptions extends FilteredMessageOptions {
  /** Connections that do not get it, for instance the one that caused it. */
  readonly exclude?: readonly string[] | undefined;
}

export type PublishOptions<Options extends MessageOptions> = Options & CallOptions;

/** The broker has accepted the message, or the store has stored it. */
export interface Published {
  /** The gateway's id, as it is in the message; undefined: it is not retained, and was not told. */
  readonly id: string | undefined;
  /** Where it is; undefined: the destination is no stream. */
  readonly position: Position | undefined;
  /** True: it was stored before, and nothing new has happened; streams only. */
  readonly isDuplicate: boolean;
}

/** Of one message of a batch. */
export type BatchResult =
  | (Published & { readonly isAccepted: true })
  | { readonly isAccepted: false; readonly error: TrunklineError };

/** A retained message. */
export interface Message<Payload = unknown> {
  readonly data: Payload;
  readonly dataType: DataType;
  /** The user of the client that sent it. */
  readonly fromUserId: string | undefined;
  readonly metadata: Readonly<Record<string, string>>;
  /** The gateway's id, equal for everybody. */
  readonly id: string;
  /** When the store took it, in ms since 1970. */
  readonly time: number;
  /** Where it is; a client goes on after this message with it as `since`. */
  readonly position: Position;
}

/** A retained message over HTTP. */
export interface WireMessage {
  readonly id: string;
  readonly position: string;
  readonly time: number;
  readonly fromUserId?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly dataType: DataType;
  readonly data: unknown;
}

/** The body of a message: bytes as they are, all else as JSON. @throws TrunklineError. */
export function bodyOf(data: unknown): {
  readonly contentType: string;
  readonly body: string | Uint8Array<ArrayBuffer>;
} {
  if (data instanceof Uint8Array) {
    return { contentType: 'application/octet-stream', body: new Uint8Array(data) };
  }
  return { contentType: 'application/json', body: jsonTextOf(data) };
}

/** The same as members of an object. @throws TrunklineError `invalid-payload`. */
export function membersOf(data: unknown): { readonly dataType: DataType; readonly data: unknown } {
  if (data instanceof Uint8Array) return { dataType: 'binary', data: toBase64(data) };
  jsonTextOf(data);
  return { dataType: 'json', data };
}

/** @throws TrunklineError `invalid-payload`. */
function jsonTextOf(data: unknown): string {
  const text = writtenAsJson(data);
  if (text !== undefined) return text;
  const message = `The payload is no JSON value: it is of type ${typeof data}`;
  throw new TrunklineError('invalid-payload', message);
}

/** Of a function, for instance, there is nothing. @throws TrunklineError `invalid-payload`. */
function writtenAsJson(data: unknown): string | undefined {
  try {
    return JSON.stringify(data);
  } catch (error) {
    const message = `The payload is no JSON value: ${String(error)}`;
    throw new TrunklineError('invalid-payload', message, { cause: error });
  }
}

/** @throws TrunklineError `bad-answer`. */
export function messageOf(message: WireMessage): Message {
  const { data, dataType, fromUserId, id, metadata = {}, position, time } = message;
  const isBytes = dataType === 'binary' || dataType === 'protobuf';
  return {
    data: isBytes ? fromBase64(String(data)) : data,
    dataType,
    fromUserId,
    metadata,
    id,
    time,
    position: positionOf(position),
  };
}
