/**
 * Whether a read after a place is complete. JetStream keeps no predecessor with a message and leaves
 * no trace of what it drops, so completeness has to be proved from what is still there. What cannot be
 * proved is told as incomplete.
 */

/** What the leader said after the entries had been read. */
export interface Evidence {
  /** The offset that was read after; its message, where retained, is the one that the reader means. */
  readonly after: number;
  /** What is stored at that offset: a message of this stream, of another one, or nothing. */
  readonly place: 'own' | 'other' | 'missing';
  /** The oldest and the newest sequence of the JetStream stream. */
  readonly firstSequence: number;
  readonly lastSequence: number;
  /** Entries of this stream after the place that are retained. */
  readonly laterCount: number;
  /** How many entries a stream keeps. */
  readonly messagesMax: number;
  /** Sequence at which `messagesMax` was raised last; before it fewer were kept. 0: never. */
  readonly raisedAt: number;
  /** Sequence at which this stream was purged last, as far as that is retained. */
  readonly purgedAt: number | undefined;
}

/**
 * True: every entry of this stream after the place is retained.
 *
 * Four things take entries, and each takes the oldest first: age and the bytes of the class, which
 * take from the front of the whole JetStream stream; the number per subject, which takes from the
 * front of one subject; a purge, which empties one subject.
 */
export function isComplete(evidence: Evidence): boolean {
  const { after, firstSequence, lastSequence, messagesMax, purgedAt, raisedAt } = evidence;
  // Nothing at all has been stored since.
  if (after === lastSequence) return true;
  // All four would have taken that entry before any later one of its stream.
  if (evidence.place === 'own') return true;
  // It may have been this stream's own, taken by the number or by a purge. Offset 0 is before all.
  if (evidence.place === 'missing' && after !== 0) return false;
  // Age and bytes have reached beyond the place.
  if (firstSequence > after + 1) return false;
  if (purgedAt !== undefined && purgedAt > after) return false;
  // The number takes an entry only when as many newer ones are there, and nothing else has taken any
  // of those since: age and bytes have not reached them, and a purge would have been noted.
  return raisedAt <= after && evidence.laterCount < messagesMax;
}
