/** Parts of replies that our own subprotocols have in common, as plain objects. */
import type { OwnDestination, Reply, StreamPosition } from './model.ts';

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

/** The frame `connected`; what is undefined is not sent. */
export function connectedOf(reply: Extract<Reply, { kind: 'connected' }>): object {
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
