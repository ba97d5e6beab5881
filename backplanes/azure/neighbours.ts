/**
 * Nodes that spread keys over different numbers of groups would not hear each other, without a word
 * from anybody: a node looks around when it starts, and does not start among such.
 */
import { BackplaneUnavailableError } from '../backplane.ts';
import type { AzurePlace } from './azure-url.ts';
import type { AzureService } from './service.ts';

const layout = 1;

/** The name under which a node is known in the hub: it says how the node spreads keys. */
export function nodeNameOf({ shards }: AzurePlace, unique: string): string {
  return `trunkline/${layout}/${shards}/${unique}`;
}

/**
 * Resolves when no node in the hub spreads keys in another way, or nobody can tell: then the link
 * works all the same, and only this check is missing.
 * @throws BackplaneUnavailableError when one does.
 */
export async function checkNeighbours(
  service: AzureService,
  place: AzurePlace,
  timeoutMs: number,
): Promise<void> {
  const own = nodeNameOf(place, '');
  let names: readonly string[];
  try {
    names = await service.nodes(AbortSignal.timeout(timeoutMs));
  } catch {
    return;
  }
  const other = names.find((name) => name.startsWith('trunkline/') && !name.startsWith(own));
  if (other === undefined) return;
  throw new BackplaneUnavailableError(
    `Hub "${place.hub}" at ${service.host} has a node that spreads keys over ` +
      `${other.split('/')[2]} shards, this one over ${place.shards}: they would not hear each ` +
      `other. Use the same azure:// URL on every node, or another hub to change it`,
  );
}
