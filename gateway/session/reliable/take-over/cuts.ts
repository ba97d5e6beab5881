/**
 * How far a connection was served, over all nodes that have served it: the present one may never
 * have heard of a publishing node whose messages an earlier one has given to the client.
 */
import type { Addressed, Cut } from '../../../router/ports.ts';

/** One string for one destination. */
export function addressText(to: Addressed): string {
  return to.kind === 'all' ? 'all' : `${to.kind} ${to.name}`;
}

/** The cuts of now, none of them before where an earlier node has stopped. */
export function withEarlier(cuts: readonly Cut[], earlier: readonly Cut[]): readonly Cut[] {
  if (earlier.length === 0) return cuts;
  const before = new Map(earlier.map((cut) => [addressText(cut.to), cut]));
  return cuts.map((cut) => {
    const counters = new Map(before.get(addressText(cut.to))?.counters);
    for (const [nodeId, counter] of cut.counters) {
      counters.set(nodeId, Math.max(counter, counters.get(nodeId) ?? 0));
    }
    return { ...cut, counters: [...counters] };
  });
}
