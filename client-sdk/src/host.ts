/** What a client offers to further parts of this package, which whoever wants them imports. */
import type { Backoff } from './backoff.ts';
import type { Clock } from './environment.ts';
import type { Link } from './link.ts';
import type { Roster } from './roster.ts';

export interface Host {
  readonly clock: Clock;
  /** A part puts in what it follows, under a key of its own. */
  readonly roster: Roster;
  /** To be called when something was put in or taken out, or follows on a link that it was asked on. */
  readonly follow: () => void;
  /** The link that serves, and that which is to take its place. */
  readonly links: () => readonly (Link | undefined)[];
  readonly newBackoff: () => Backoff;
  /** To `error` listeners. */
  readonly report: (error: unknown) => void;
}
