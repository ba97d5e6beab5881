/**
 * The one string by which a destination is known on the backplane. Hub names hold no colon, so no
 * name can reach into another hub or kind; adapters encode keys as their broker needs.
 */
import type { Destination } from './ports.ts';

/** Key of a group, of a user, or of all connections of a hub. */
export function destinationKey(
  hub: string,
  to: Exclude<Destination, { kind: 'connection' }>,
): string {
  switch (to.kind) {
    case 'all':
      return `a:${hub}`;
    case 'user':
      return `u:${hub}:${to.name}`;
    case 'group':
      return `g:${hub}:${to.name}`;
  }
}

/** Key of a node's inbox, where messages to its connections go. */
export function inboxKey(nodeId: string): string {
  return `n:${nodeId}`;
}

/** Key on which every node listens. */
export const controlKey = 'x:';

const separator = '-';

/** A connection's id begins with the node that accepted it. */
export function connectionIdOf(nodeId: string, unique: string): string {
  return nodeId + separator + unique;
}

/** The node that accepted a connection; undefined when the id is not one of ours. */
export function nodeOfConnection(connectionId: string): string | undefined {
  const end = connectionId.indexOf(separator);
  return end > 0 ? connectionId.slice(0, end) : undefined;
}
