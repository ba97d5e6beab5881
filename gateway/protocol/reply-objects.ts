/** Replies as plain objects with the properties of their frames, whatever encodes them. */
import type { OwnDestination, Reply, StreamPosition } from './model.ts';
import type { ClientState, PresenceMember, PresenceNotice } from './presence-model.ts';

/** Replies that Azure's protocol has, too. */
export type CommonReply = Extract<
  Reply,
  { kind: 'disconnected' | 'pong' | 'streamAck' | 'streamNack' | 'streamClosed' }
>;

/** And those of our own; what carries payloads or large ids is not among them. */
export type PlainReply =
  | CommonReply
  | Extract<
      Reply,
      { kind: 'connected' | 'heartbeat' | 'goaway' | 'gap' | 'bookmark' | 'presence' }
    >;

/** Members that are undefined are not sent. */
export function commonReplyObject(reply: CommonReply): object {
  switch (reply.kind) {
    case 'disconnected':
      return { type: 'system', event: 'disconnected', message: reply.reason };
    case 'pong':
      return { type: 'pong' };
    case 'streamAck': {
      const { streamId, expectedSequenceId } = reply;
      return { type: 'streamAck', streamId, expectedSequenceId };
    }
    case 'streamNack': {
      const { streamId, name, message, expectedSequenceId } = reply;
      return { type: 'streamNack', streamId, name, message, expectedSequenceId };
    }
    case 'streamClosed':
      return { type: 'streamClosed', streamId: reply.streamId, error: reply.error };
  }
}

/** Members that are undefined are not sent. */
export function replyObject(reply: PlainReply): object {
  switch (reply.kind) {
    case 'connected':
      return connectedObject(reply);
    case 'heartbeat':
      return { type: 'heartbeat' };
    case 'goaway':
      return { type: 'goaway', reason: reply.reason, withinMs: reply.withinMs };
    case 'gap': {
      const { to, reason, dropped } = reply;
      const [from, position] = [positionOf(reply.from), positionOf(reply.position)];
      return { type: 'gap', ...whereOf(to), reason, dropped, from, position };
    }
    case 'presence':
      return presenceObject(reply);
    case 'bookmark':
      return { type: 'bookmark', ...whereOf(reply.to), position: positionOf(reply.position) };
    default:
      return commonReplyObject(reply);
  }
}

function presenceObject(notice: PresenceNotice): object {
  const { change, connections, to } = notice;
  const head = { type: 'presence', ...whereOf(to), kind: change };
  switch (change) {
    case 'snapshot':
      return {
        ...head,
        members: notice.members.map(memberObject),
        connections,
        users: notice.users,
      };
    case 'changes':
      return {
        ...head,
        set: notice.set.map(memberObject),
        left: notice.left.map(({ connectionId }) => connectionId),
        connections,
        users: notice.users,
      };
    case 'counts':
      return { ...head, connections };
  }
}

/** Members that are undefined are not sent. */
export function memberObject({ connectionId, sinceMs, state, userId }: PresenceMember): object {
  return { connectionId, userId, state: stateObject(state), since: sinceMs };
}

/** Every key is a property of its own, whatever it is called. */
export function stateObject(state: ClientState | undefined): object | undefined {
  return state && Object.fromEntries(state);
}

function connectedObject(reply: Extract<Reply, { kind: 'connected' }>): object {
  const { userId, connectionId, greeting } = reply;
  return {
    type: 'system',
    event: 'connected',
    userId: userId ?? null,
    connectionId,
    heartbeatMs: greeting?.heartbeatMs,
    tokenExpiresInMs: greeting?.tokenExpiresInMs,
    streams: greeting?.streams.map(({ to, position }) => ({
      ...whereOf(to),
      position: positionOf(position),
    })),
  };
}

type Where = { readonly group: string } | { readonly to: 'user' | 'all' };

/** How frames name a destination; undefined: they do not. */
export function whereOf(to: OwnDestination): Where;
export function whereOf(to: OwnDestination | undefined): Where | undefined;
export function whereOf(to: OwnDestination | undefined): Where | undefined {
  if (to === undefined) return undefined;
  return to.kind === 'group' ? { group: to.name } : { to: to.kind };
}

/** Only what belongs to a position, whatever object it comes in. */
export function positionOf(position: StreamPosition): StreamPosition;
export function positionOf(position: StreamPosition | undefined): StreamPosition | undefined;
export function positionOf(position: StreamPosition | undefined): StreamPosition | undefined {
  if (position === undefined) return undefined;
  const { epoch, offset, tag } = position;
  return { epoch, offset, tag };
}
