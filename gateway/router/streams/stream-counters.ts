/** What the streams of a node count: plain numbers, read by telemetry when it is asked. */
export interface StreamCounters {
  /** Publications stored. */
  appends: number;
  /** Of those, repeats of what was stored before. */
  duplicates: number;
  appendErrors: number;
  /** Entries handed to the members, live or from the store. */
  entries: number;
  /** Entries that came again. */
  repeats: number;
  /** Entries that came without their predecessor. */
  breaks: number;
  /** Entries that had to wait for the store. */
  held: number;
  /** Reads of the store to fill a hole or to verify a place. */
  repairs: number;
  /** Reads of the store for those who join or resume. */
  catchUpReads: number;
  failedReads: number;
  /** Streams that a check found behind: the last message was lost and nothing had told. */
  foundByCheck: number;
  /** Streams whose history in the store turned out to be another one. */
  diverged: number;
  /** Losses that were marked in the stream, and those that could not be. */
  lossesMarked: number;
  lossesUnmarked: number;
  /** Gaps told to the members of a stream. */
  gaps: number;
  /** Entries for which nobody was interested any more. */
  unclaimed: number;
  unreadable: number;
  /** Joins and resumes from a place, and those of them that could not be complete. */
  resumes: number;
  unrecovered: number;
  /** Entries given to those who join or resume. */
  caughtUp: number;
}

export function newStreamCounters(): StreamCounters {
  return {
    appends: 0,
    duplicates: 0,
    appendErrors: 0,
    entries: 0,
    repeats: 0,
    breaks: 0,
    held: 0,
    repairs: 0,
    catchUpReads: 0,
    failedReads: 0,
    foundByCheck: 0,
    diverged: 0,
    lossesMarked: 0,
    lossesUnmarked: 0,
    gaps: 0,
    unclaimed: 0,
    unreadable: 0,
    resumes: 0,
    unrecovered: 0,
    caughtUp: 0,
  };
}
