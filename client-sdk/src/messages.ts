/** What an application is given: messages, gaps, and pages of history. */
import { dataOf } from './payload.ts';
import type { DataType, GatewayFrame, Position } from './wire.ts';

export interface Message<Payload = unknown> {
  readonly data: Payload;
  readonly dataType: DataType;
  /** The group that it was published to; undefined: it came to the user, to all or to this client. */
  readonly group: string | undefined;
  readonly fromUserId: string | undefined;
  readonly metadata: Readonly<Record<string, string>>;
  /** The gateway's id, equal for everybody; streams only. */
  readonly id: string | undefined;
  /** When the store took it, in ms since 1970; streams only. */
  readonly time: number | undefined;
  /** Where it is: store it to go on after this message later (`since`); streams only. */
  readonly position: Position | undefined;
}

/**
 * Why messages are missing, or may be. The first four are the gateway's (docs/PROTOCOL.md, `gap`).
 * `unrecovered`: what was missed is not retained any more, and none of it was given. `offline`: the
 * destination is no stream, and there was no connection for a while. `moved`: it is no stream, and
 * the client has changed nodes.
 */
export type GapReason =
  'backplane' | 'retention' | 'diverged' | 'slow' | 'unrecovered' | 'offline' | 'moved';

/** Load your state by other means now: what comes after this event continues it. */
export interface Gap {
  readonly reason: GapReason;
  /** How many are missing, where that is known. */
  readonly dropped: number | undefined;
  /** Nothing after this place was given; streams only. */
  readonly from: Position | undefined;
  /** Messages go on after this place; streams only. */
  readonly position: Position | undefined;
}

export interface HistoryPage<Payload = unknown> {
  readonly messages: readonly Message<Payload>[];
  /** False: retention has taken messages from the range that was asked for. */
  readonly isComplete: boolean;
  readonly hasMore: boolean;
  /** Where the stream ends now. */
  readonly position: Position | undefined;
  /** While there is more: ask with it as `after`, or in reverse with its `offset` as `before`. */
  readonly next: Position | undefined;
}

/** `epoch` is that of the stream; undefined: the message is in no stream. */
export function messageOf(frame: GatewayFrame, epoch: string | undefined): Message {
  const { dataType = 'json', fromUserId, group, id, metadata = {}, offset, tag, time } = frame;
  const isPlaced = epoch !== undefined && offset !== undefined && tag !== undefined;
  return {
    data: dataOf(frame),
    dataType,
    group,
    fromUserId: fromUserId ?? undefined,
    metadata,
    id,
    time,
    position: isPlaced ? { epoch, offset, tag } : undefined,
  };
}
