/** The states of a tab that may lead, and every way between them. */
import type { Transitions } from '../state-machine.ts';

export type LeadershipState = 'idle' | 'candidate' | 'leader';

export type LeadershipReason =
  /** The tab has a socket. */
  | 'wanted'
  /** It holds the lock. */
  | 'elected'
  /** Another tab has taken the lock, because this one did not answer. */
  | 'deposed'
  /** Nobody needs it, or the page is frozen or left. */
  | 'resigned';

export const leadershipTransitions: Transitions<LeadershipState, LeadershipReason> = {
  idle: { wanted: 'candidate' },
  candidate: { elected: 'leader', resigned: 'idle' },
  leader: { deposed: 'candidate', resigned: 'idle' },
};
