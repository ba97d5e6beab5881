/** What a server's refusal means for streams, and what to do. */

const rights = "the user's rights do not suffice; the adapter's README.md lists them";

const meanings: readonly (readonly [beginning: string, meaning: string])[] = [
  ['READONLY', 'it is a replica now; the connection is made anew'],
  ['CLUSTERDOWN', 'the cluster has no server for this stream now'],
  ['TRYAGAIN', 'the slot of this stream is moving to another server; try again when it has'],
  ['ASK', 'the slot of this stream is moving to another server; try again when it has'],
  ['MOVED', 'another server has this stream, and it cannot be found; try again'],
  ['LOADING', 'it is still loading its data; try again'],
  ['MASTERDOWN', 'it is a replica without its primary'],
  ['NOREPLICAS', 'it has fewer replicas than its min-replicas-to-write'],
  ['OOM', 'its memory is full: raise its maxmemory, or shorten the retention'],
  ['MISCONF', 'it cannot write to its disk'],
  ['NOPERM', rights],
  ['ERR The user executing the script', rights],
  ['BUSY', 'another script holds it up; end it with SCRIPT KILL or FUNCTION KILL'],
];

/** The server's own words, and what they mean where that is known. */
export function explainRefusal(message: string): string {
  const meaning = meanings.find(([beginning]) => message.startsWith(beginning))?.[1];
  return meaning === undefined ? message : `${meaning} (${message})`;
}
