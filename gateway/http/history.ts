/** Handlers that read, describe and empty the history of a stream. */
import { jsonBytesOf } from '../protocol/json-payload.ts';
import type { Message, MessagePlace, StreamPosition } from '../protocol/model.ts';
import { parsePositionText, positionText } from '../protocol/position-text.ts';
import { shown } from '../protocol/shown.ts';
import type { Destination } from '../router/ports.ts';
import type { History, HistoryQuery } from '../router/stream-ports.ts';
import type { HttpResponse } from '../transport/transport.ts';
import { empty, json, nextLink, type Call, type Handler, type RestPorts } from './call.ts';
import { InvalidArgument } from './errors.ts';

type Addressed = Exclude<Destination, { kind: 'connection' }>;

const limitDefault = 100;
/** A page ends early, after at least one message, where its data would be larger than this. */
const pageBytesMax = 16 * 1024 * 1024;

export const allHistory: Handler = (call, ports) => readHistory(call, ports, { kind: 'all' });
export const userHistory: Handler = (call, ports) => readHistory(call, ports, userOf(call));
export const groupHistory: Handler = (call, ports) => readHistory(call, ports, groupOf(call));

export const purgeAllHistory: Handler = (call, ports) => purge(call, ports, { kind: 'all' });
export const purgeUserHistory: Handler = (call, ports) => purge(call, ports, userOf(call));
export const purgeGroupHistory: Handler = (call, ports) => purge(call, ports, groupOf(call));

export const allStream: Handler = (call, ports) => describeStream(call, ports, { kind: 'all' });
export const userStream: Handler = (call, ports) => describeStream(call, ports, userOf(call));
export const groupStream: Handler = (call, ports) => describeStream(call, ports, groupOf(call));

function userOf(call: Call): Addressed {
  return { kind: 'user', name: call.userId };
}

function groupOf(call: Call): Addressed {
  return { kind: 'group', name: call.group };
}

/** One page; `nextLink` is there while there are more. */
async function readHistory(call: Call, ports: RestPorts, to: Addressed): Promise<HttpResponse> {
  const query = queryOf(call, ports);
  const history = await ports.streams.history(call.hub, to, query);
  const page = pageOf(history);
  const isCut = page.length < history.messages.length;
  const hasMore = history.hasMore || isCut;
  const next = isCut ? page.at(-1)?.place : history.next;
  const link =
    hasMore && next !== undefined ? nextLink(call, ports, nextValues(query, next)) : undefined;
  const rest = JSON.stringify({
    isComplete: history.isComplete,
    hasMore,
    position: positionText(history.position),
    nextLink: link,
  });
  const messages = page.map(({ message, place }) => messageText(message, place));
  return {
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: `{"messages":[${messages.join(',')}],${rest.slice(1)}`,
  };
}

function queryOf({ query }: Call, { limits }: RestPorts): HistoryQuery {
  const after = query.text('after');
  const position = after === undefined ? undefined : parsePositionText(after);
  if (after !== undefined && position === undefined) {
    throw new InvalidArgument(
      'after',
      `after must be a position as the gateway gave it, got ${shown(after)}.`,
    );
  }
  const reverse = query.truth('reverse') ?? false;
  if (reverse && position !== undefined) {
    throw new InvalidArgument(
      'after',
      'after and reverse=true do not go together: newest first, pages end with before.',
    );
  }
  const limit = query.integer('limit', { min: 1, max: limits.historyLimitMax });
  return {
    after: position,
    before: query.integer('before', { min: 1, max: Number.MAX_SAFE_INTEGER }),
    limit: limit ?? Math.min(limitDefault, limits.historyLimitMax),
    reverse,
    reader: undefined,
  };
}

/** What follows a page, asked in the same way. */
function nextValues(
  { before, limit, reverse }: HistoryQuery,
  next: StreamPosition,
): Readonly<Record<string, string | number | undefined>> {
  if (reverse) return { before: next.offset, limit, reverse: 'true' };
  return { after: positionText(next), before, limit };
}

interface PlacedMessage {
  readonly message: Message;
  readonly place: MessagePlace;
}

function pageOf({ messages }: History): readonly PlacedMessage[] {
  const page: PlacedMessage[] = [];
  let bytes = 0;
  for (const message of messages) {
    const { place } = message;
    if (place === undefined) throw new Error('a retained message has no place');
    bytes += message.payload.bytes.length;
    if (bytes > pageBytesMax && page.length > 0) break;
    page.push({ message, place });
  }
  return page;
}

/** JSON data goes in as it was sent: numbers keep every digit. */
function messageText(message: Message, place: MessagePlace): string {
  const head = JSON.stringify({
    id: place.id,
    offset: place.offset,
    position: positionText(place),
    time: place.storedAtMs,
    fromUserId: message.fromUserId,
    metadata: message.metadata,
    dataType: message.payload.dataType,
  });
  const data = jsonBytesOf(message.payload);
  const text = Buffer.from(data.buffer, data.byteOffset, data.length).toString();
  return `${head.slice(0, -1)},"data":${text}}`;
}

async function purge(call: Call, { streams }: RestPorts, to: Addressed): Promise<HttpResponse> {
  await streams.purge(call.hub, to);
  return empty(204);
}

async function describeStream(
  call: Call,
  { streams }: RestPorts,
  to: Addressed,
): Promise<HttpResponse> {
  const { newest, oldestOffset, retention } = await streams.info(call.hub, to);
  return json(200, {
    retention: {
      name: retention.name,
      messages: retention.messagesMax,
      seconds: retention.ageMsMax / 1000,
      bytes: retention.bytesMax,
    },
    position: positionText(newest),
    newestOffset: newest.offset,
    oldestOffset,
  });
}
