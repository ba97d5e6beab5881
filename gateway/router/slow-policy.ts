/**
 * What becomes of a congested member that has lost publications: each of its destinations has a
 * policy (`SlowConsumerPolicy`), and this file says what it asks for. `Congestion` does it.
 */
import type { SlowConsumerPolicy } from '../config.ts';
import { closeCodes, type CloseCode } from '../protocol/close-codes.ts';
import type { StreamPosition } from '../protocol/model.ts';
import type { Backlog, RingBudget } from './backlog.ts';
import { LatestRing } from './latest-ring.ts';
import type { LocalSubscriber } from './local-subscriber.ts';
import { Ring } from './ring.ts';
import type { Membership, Target } from './target.ts';

/** Policies under which a member stays and loses messages, or is closed for having lost some. */
export type DroppingPolicy = Extract<SlowConsumerPolicy, 'drop-oldest' | 'latest'>;
export type ClosingPolicy = Exclude<SlowConsumerPolicy, DroppingPolicy>;

/** How a member is closed that has lost what its policy does not let it lose. */
export const policyCloses: Readonly<
  Record<ClosingPolicy, { readonly code: CloseCode; readonly reason: string }>
> = {
  disconnect: {
    code: closeCodes.slowConsumer,
    reason: 'The client reads too slowly: it fell behind the messages that are kept for it',
  },
  'drop-and-recover': {
    code: closeCodes.resumeNow,
    reason: 'The client reads too slowly: connect again now and resume where it stopped',
  },
};

export interface BacklogOptions {
  readonly ringBytesMax: number;
  readonly ringBudget: RingBudget;
}

/** What keeps publications for the laggards of a target, from its present end on. */
export function createBacklog(target: Target, options: BacklogOptions): Backlog {
  const { ringBudget: budget, ringBytesMax: bytesMax } = options;
  const { latestKey: keyName, slowConsumer } = target.rules;
  if (slowConsumer !== 'latest') return new Ring(target.offset, bytesMax, budget);
  return new LatestRing({ first: target.offset, keyName, bytesMax, budget });
}

/** Offset of the next publication that can be given to a member; the target's end: none can. */
export function nextKept({ cursor, target }: Membership): number {
  return target.ring?.nextFrom(cursor) ?? target.offset;
}

/** The policy for which a congested member must be closed now; undefined: it may stay. */
export function policyToClose(subscriber: LocalSubscriber): ClosingPolicy | undefined {
  let found: ClosingPolicy | undefined;
  for (let at = subscriber.first; at !== undefined; at = at.next) {
    const { slowConsumer } = at.target.rules;
    if (mayDrop(slowConsumer) || nextKept(at) === at.cursor) continue;
    // Who lost what nothing brings back is not asked to hurry.
    if (slowConsumer === 'disconnect') return slowConsumer;
    found = slowConsumer;
  }
  return found;
}

/** True: members stay, and are told what they lost. */
export function mayDrop(policy: SlowConsumerPolicy): policy is DroppingPolicy {
  return policy === 'drop-oldest' || policy === 'latest';
}

/**
 * True: the subscriber must be told of each hole before the message that follows it, and of the place
 * from which delivery goes on.
 */
export function followsPositions({ encoder }: LocalSubscriber['codec'], target: Target): boolean {
  return target.rules.retention !== undefined && encoder.encodeSkip !== undefined;
}

/** The stream position after which a membership's cursor stands; undefined: it is not known. */
export function positionBefore({ cursor, target }: Membership): StreamPosition | undefined {
  const place = target.ring?.placeBefore(cursor);
  return place && { epoch: place.epoch, offset: place.offset, tag: place.tag };
}
