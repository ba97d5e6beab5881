/**
 * Which group of the hub a key goes through. Most keys share a fixed number of groups: a group for
 * each key would cost a join for each, and a message for each where one can carry many.
 */

/** Every node is in it: who lists its connections knows the nodes. */
export const nodesGroup = 'nodes';

/** Inboxes of nodes and the control key: few, and read by one node or by all. */
const ownGroupPattern = /^[nx]:[A-Za-z0-9_-]{0,128}$/;

/** Never the same for a shard and a key with a group of its own. */
export function groupOf(key: string, shards: number): string {
  if (ownGroupPattern.test(key)) return `k.${key}`;
  return `s.${hashOf(key) % shards}`;
}

/** The group in which only this connection listens to itself. */
export function probeGroup(unique: string): string {
  return `p.${unique}`;
}

/** FNV-1a over the UTF-16 units, with a last stir: nodes of all versions must agree on it. */
function hashOf(key: string): number {
  let hash = 0x81_1c_9d_c5;
  for (let index = 0; index < key.length; index += 1) {
    hash = Math.imul(hash ^ key.charCodeAt(index), 0x01_00_01_93);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85_eb_ca_6b);
  return (hash ^ (hash >>> 13)) >>> 0;
}
