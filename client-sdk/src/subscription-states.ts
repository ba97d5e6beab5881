/** The states of what a client follows, and every way between them. */
import type { Transitions } from './state-machine.ts';

export type SubscriptionState = 'joining' | 'live' | 'recovering' | 'gap' | 'left';

export type SubscriptionReason =
  /** The gateway has confirmed the first join. */
  | 'joined'
  /** The connection was lost. */
  | 'lost'
  /** A message is missing before one that came. */
  | 'hole'
  /** What was missed follows, without a hole. */
  | 'recovered'
  /** Messages are missing, or may be: the event `gap` says what is known. */
  | 'missed'
  /** The application has been told of the gap. */
  | 'told'
  /** The gateway does not let this connection in. */
  | 'refused'
  /** The last user of the group called `leave`. */
  | 'leave';

export const subscriptionTransitions: Transitions<SubscriptionState, SubscriptionReason> = {
  joining: { joined: 'live', recovered: 'live', missed: 'gap', refused: 'left', leave: 'left' },
  live: { lost: 'recovering', hole: 'recovering', missed: 'gap', refused: 'left', leave: 'left' },
  recovering: { recovered: 'live', missed: 'gap', refused: 'left', leave: 'left' },
  gap: { told: 'live', lost: 'recovering', leave: 'left' },
  left: {},
};
