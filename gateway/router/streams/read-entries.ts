/** Reads a stream forward, so that what is read can be handed to whoever has less than the reader. */
import type {
  ReadRequest,
  ReadResult,
  StreamRef,
  StreamStore,
} from '../../../backplanes/stream-store.ts';

/**
 * Where streams share one sequence, the place that a read begins at need not be an entry of this
 * stream: what the store names as the predecessor of the first entry can be that place. To members
 * that stand at the last real entry it would look like a hole, so it is not told.
 */
export async function readEntries(
  store: Pick<StreamStore, 'read' | 'traits'>,
  stream: StreamRef,
  request: ReadRequest,
): Promise<ReadResult> {
  const result = await store.read(stream, request);
  if (result.status === 'diverged' || !store.traits.sharesEpoch) return result;
  const [first, ...rest] = result.entries;
  if (first === undefined) return result;
  return { ...result, entries: [{ ...first, prev: undefined }, ...rest] };
}
