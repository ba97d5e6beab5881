/** Finds how much of what a node handed out still is the store's history. */
import type { Position, StreamRef, StreamStore } from '../../../backplanes/stream-store.ts';

type Place = Pick<Position, 'offset' | 'tag'>;

/**
 * The newest of these places that the store knows; undefined: none of them.
 * @param places of one run, the newest first: if one is known, all older ones are.
 */
export async function commonPlace(
  store: Pick<StreamStore, 'read'>,
  stream: StreamRef,
  epoch: string,
  places: readonly Place[],
): Promise<Place | undefined> {
  let low = 0;
  let high = places.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const place = places[middle];
    if (place === undefined) break;
    const after = { epoch, offset: place.offset, tag: place.tag };
    const result = await store.read(stream, { after, upTo: place.offset, limit: 1 });
    if (result.status === 'read') high = middle;
    else low = middle + 1;
  }
  return places[low];
}
