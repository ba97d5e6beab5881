/** What the test gateway says of messages and places: section 4 of docs/PROTOCOL.md. */
import type { Place } from './test-hub.ts';
import type { Entry, Publication } from './test-stream.ts';

/** As a destination stands in a frame to somebody who is in it. */
export function whereOf({ kind, name }: Place): object {
  if (kind === 'group') return { group: name };
  return { to: kind };
}

/** The message, or the skip in its place where it is not for this connection; undefined: nothing. */
export function messageFrame(
  place: Place,
  message: Publication | Entry,
  reader: { readonly connectionId: string; readonly nowMs: number },
): ({ readonly type: string } & Readonly<Record<string, unknown>>) | undefined {
  const links = 'offset' in message ? linksOf(message) : undefined;
  const isFor = reader.connectionId !== message.exceptConnectionId;
  if (isFor && reader.nowMs < message.expiresAtMs) {
    const { data, dataType, fromUserId, metadata } = message;
    const from =
      place.kind === 'group'
        ? { from: 'group', group: place.name, fromUserId: fromUserId ?? null }
        : { from: 'server', to: place.kind };
    const about = 'time' in message ? { id: message.id, ...links, time: message.time } : {};
    return { type: 'message', ...from, ...about, metadata, dataType, data };
  }
  return links && { type: 'skip', ...whereOf(place), ...links };
}

function linksOf({ offset, prev, tag }: Entry): object {
  return { offset, prev, tag };
}
