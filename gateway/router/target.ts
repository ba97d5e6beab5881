/**
 * One destination as this node sees it: its local members, and what is kept for those of them that
 * lag. A `Target` lives while it has a member, an attach in progress, or lingering interest.
 */
import type { LeaveKind, MemberState } from '../protocol/presence-model.ts';
import type { Backlog } from './backlog.ts';
import { plainRules, type TargetRules } from './destination-rules.ts';
import type { Heard } from './heard.ts';
import type { HeldMessages } from './hold.ts';
import type { InterestState } from './interest.ts';
import type { LocalSubscriber } from './local-subscriber.ts';
import type { TargetStragglers } from './stragglers.ts';

export type TargetKind = 'all' | 'user' | 'group' | 'connection';

const sinceOriginMs = Date.UTC(2026, 0, 1);
const sinceStepMs = 100;

/** A subscriber's membership in a target; part of two lists, the target's and the subscriber's. */
export class Membership {
  readonly target: Target;
  readonly subscriber: LocalSubscriber;
  /** Place in `target.members`. */
  index: number;
  /** Next offset to be given; meaningful only while the subscriber is congested. */
  cursor = 0;
  /** Tenths of a second since `sinceOriginMs`: a small integer, which costs no object. */
  #since = 0;
  /** What the member says of itself; undefined: it never said anything. Owned by presence. */
  state: MemberState | undefined = undefined;
  /** The subscriber's next membership. A list costs idle connections less than an array. */
  next: Membership | undefined = undefined;

  constructor(target: Target, subscriber: LocalSubscriber, index: number) {
    this.target = target;
    this.subscriber = subscriber;
    this.index = index;
  }

  /** Ms since 1970, to a tenth of a second: since when it is a member. */
  get sinceMs(): number {
    return sinceOriginMs + this.#since * sinceStepMs;
  }

  set sinceMs(ms: number) {
    this.#since = Math.round((ms - sinceOriginMs) / sinceStepMs);
  }
}

/** Tells of a target's members to those who watch. */
export interface TargetRoll {
  /** A member came, or said something of itself. */
  set(membership: Membership): void;
  /** Called after the membership has ended. */
  remove(membership: Membership, how: LeaveKind): void;
}

export class Target {
  readonly key: string;
  readonly kind: TargetKind;
  readonly name: string;
  readonly rules: TargetRules;
  /** Unordered: removal moves the last member into the gap. */
  members: Membership[] = [];
  /** Number of publications fanned out here; the offset of the next one. */
  offset = 0;
  /** Members that are congested now. Nothing is retained while it is 0. */
  laggards = 0;
  /** What laggards still need. Owned by Fanout, which fills it, and Congestion, which ends it. */
  ring: Backlog | undefined = undefined;
  /** What the broker knows of it. Owned by Interest. */
  interest: InterestState = 'none';
  /** Attaches that wait for the broker; they keep the interest wanted. Owned by Interest. */
  pendingJoins = 0;
  /** How far its live traffic was heard. Owned by Router; ends with the interest. */
  heard: Heard | undefined = undefined;
  /** For connections that are about to be served here; undefined: none. Owned by their holds. */
  holds: Set<HeldMessages> | undefined = undefined;
  /** What members that came from another node have been given there. Owned by Stragglers. */
  stragglers: TargetStragglers | undefined = undefined;
  /** Who tells of its members; undefined: no node watches them. Owned by presence. */
  roll: TargetRoll | undefined = undefined;

  constructor(key: string, kind: TargetKind, name: string, rules: TargetRules = plainRules) {
    this.key = key;
    this.rules = rules;
    this.kind = kind;
    this.name = name;
  }

  /** The caller links the membership into the subscriber's list, and sees to it that it is new. */
  add(subscriber: LocalSubscriber): Membership {
    const membership = new Membership(this, subscriber, this.members.length);
    // A literal has room for one; the first push would reserve seventeen. Most users are one.
    if (this.members.length === 0) this.members = [membership];
    else this.members.push(membership);
    return membership;
  }

  /**
   * Safe while the fan-out loop walks `members` from the end and the one removed is the one it is
   * at: what moves into the gap has been visited.
   */
  remove(membership: Membership): void {
    const last = this.members.pop();
    if (last !== undefined && last !== membership) {
      this.members[membership.index] = last;
      last.index = membership.index;
    }
  }
}
