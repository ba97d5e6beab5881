/** Handlers that publish: to all, to a user, to a group, to a connection. */
import { compileFilter } from '../protocol/filter/filter.ts';
import { MetadataError, parseMetadata } from '../protocol/metadata.ts';
import type { Metadata } from '../protocol/model.ts';
import type { Limits } from '../limits.ts';
import { positionText } from '../protocol/position-text.ts';
import type { Destination, Published } from '../router/ports.ts';
import type { HttpRequest, HttpResponse } from '../transport/transport.ts';
import type { Call, Handler, RestPorts } from './call.ts';
import { InvalidArgument } from './errors.ts';
import { readPayload } from './payload.ts';
import { publicationIdOf } from './publication-id.ts';

/** Longest time to live of a message, as in Azure. */
export const ttlSecondsMax = 300;
const metadataPrefix = 'x-webpubsub-metadata-';

/** Which of the query's keys an operation has. */
interface SendOptions {
  readonly hasFilter: boolean;
  readonly hasExcluded: boolean;
}

export const sendToAll: Handler = (call, ports) =>
  send(call, ports, { kind: 'all' }, { hasFilter: true, hasExcluded: true });

export const sendToUser: Handler = (call, ports) =>
  send(call, ports, { kind: 'user', name: call.userId }, { hasFilter: true, hasExcluded: false });

export const sendToGroup: Handler = (call, ports) =>
  send(call, ports, { kind: 'group', name: call.group }, { hasFilter: true, hasExcluded: true });

export const sendToConnection: Handler = (call, ports) =>
  send(
    call,
    ports,
    { kind: 'connection', name: call.connectionId },
    { hasFilter: false, hasExcluded: false },
  );

/**
 * 202 once the backplane accepted it, or the store stored it, whether anybody is there to get it or
 * not.
 */
async function send(
  call: Call,
  { publisher, limits }: RestPorts,
  to: Destination,
  options: SendOptions,
): Promise<HttpResponse> {
  const excluded = options.hasExcluded ? call.query.list('excluded') : [];
  const what = { hub: call.hub, to, payload: readPayload(call.request, limits.jsonDepthMax) };
  const published = await publisher.publish({
    ...what,
    id: publicationIdOf(call.request, what),
    metadata: metadataOf(call.request, limits.metadataBytesMax),
    ...(excluded.length > 0 ? { excluded } : {}),
    filter: options.hasFilter ? checkedFilter(call.query.text('filter'), limits) : undefined,
    ttlSeconds: call.query.integer('messageTtlSeconds', { min: 0, max: ttlSecondsMax }),
  });
  return { status: 202, ...headersOf(published) };
}

/** What became of a publication that is retained; nothing is told of others. */
function headersOf({ id, isDuplicate, position }: Published): Pick<HttpResponse, 'headers'> {
  if (position === undefined) return {};
  return {
    headers: {
      'x-trunkline-publication-id': id,
      'x-trunkline-position': positionText(position),
      ...(isDuplicate ? { 'x-trunkline-duplicate': 'true' } : {}),
    },
  };
}

/**
 * A filter that compiles, or undefined for none; an empty one is none, too.
 * @throws FilterError
 */
export function checkedFilter(filter: string | undefined, limits: Limits): string | undefined {
  if (filter === undefined || filter.trim() === '') return undefined;
  compileFilter(filter, { lengthMax: limits.filterLengthMax, depthMax: limits.filterDepthMax });
  return filter;
}

function metadataOf(request: HttpRequest, bytesMax: number): Metadata | undefined {
  const pairs: [string, string][] = [];
  for (const [name, value] of request.headers) {
    if (name.startsWith(metadataPrefix)) pairs.push([name.slice(metadataPrefix.length), value]);
  }
  if (pairs.length === 0) return undefined;
  try {
    return parseMetadata(pairs, bytesMax);
  } catch (error) {
    if (!(error instanceof MetadataError)) throw error;
    throw new InvalidArgument('X-WebPubSub-Metadata', `Bad metadata: ${error.message}.`);
  }
}
