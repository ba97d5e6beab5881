/** The handler that publishes many messages at once; each succeeds or fails for itself. */
import { positionText } from '../protocol/position-text.ts';
import { readEntry, type BatchEntry } from './batch-entry.ts';
import { json, type Call, type Handler, type RestPorts } from './call.ts';
import { errorDetail, InvalidArgument } from './errors.ts';
import { itemsOf, membersOf } from './json-slices.ts';
import { readJsonBytes } from './payload.ts';

/**
 * 200 with a result for each message, in their order. All are published in this turn, so that they
 * go out together, and those to one destination in the order in which they stand.
 */
export const sendBatch: Handler = async (call, ports) => {
  const entries = entriesOf(call, ports);
  const { hub } = call;
  const results = await Promise.all(entries.map((bytes) => publish(call, ports, { hub, bytes })));
  return json(200, { results });
};

function entriesOf({ request }: Call, { limits }: RestPorts): readonly Uint8Array[] {
  const body = membersOf('body', readJsonBytes(request, limits.jsonDepthMax));
  const messages = body?.get('messages');
  const entries = messages === undefined ? undefined : itemsOf(messages);
  if (body === undefined || body.size !== 1 || entries === undefined) {
    throw new InvalidArgument('body', 'The request body must be {"messages":[…]}, with no more.');
  }
  const { batchMessagesMax } = limits;
  if (entries.length > 0 && entries.length <= batchMessagesMax) return entries;
  throw new InvalidArgument(
    'messages',
    `messages must be an array of 1..${batchMessagesMax} messages, got ${entries.length}.`,
  );
}

/** Never rejects: what one message fails with is its own result. */
async function publish(
  call: Call,
  { limits, onError, publisher }: RestPorts,
  entry: BatchEntry,
): Promise<object> {
  try {
    const publication = readEntry(call, entry, limits);
    const { id, isDuplicate, position } = await publisher.publish(publication);
    if (position === undefined) return { status: 202, id };
    return { status: 202, id, position: positionText(position), isDuplicate };
  } catch (error) {
    const { code, isInternal, message, status, target } = errorDetail(error);
    if (isInternal) onError(error);
    return { status, code, message, target };
  }
}
