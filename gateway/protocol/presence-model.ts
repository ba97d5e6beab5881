/** Who is in a group or online, in the one model behind every subprotocol. */
import type { ClientId64 } from './model.ts';

/**
 * What a member of a group says of itself to those who watch the group: string pairs, each key once.
 * Pairs and not an object, so that no key of a client's becomes a property of ours.
 */
export type ClientState = readonly (readonly [key: string, value: string])[];

/** What can be watched: a group, or everybody who is connected to the hub. */
export type PresenceDestination =
  { readonly kind: 'group'; readonly name: string } | { readonly kind: 'all' };

/** A connection that is in a group, or online in the hub. */
export interface PresenceMember {
  readonly connectionId: string;
  readonly userId: string | undefined;
  /** undefined: it says nothing of itself. */
  readonly state: ClientState | undefined;
  /** Ms since 1970: since when it is there. */
  readonly sinceMs: number;
  /** Ms since 1970: when it changed its state last; undefined: it never said anything. */
  readonly stateAtMs: number | undefined;
}

/** What a member says of itself, and since when. */
export interface MemberState {
  /** undefined: nothing any more. */
  readonly pairs: ClientState | undefined;
  /** Ms since 1970. */
  readonly atMs: number;
}

/** A membership as those who watch it know it. */
export interface MemberPresence {
  /** Ms since 1970. */
  readonly sinceMs: number;
  /** undefined: it never said anything. */
  readonly state: MemberState | undefined;
}

/**
 * How a member left. `lost`: its socket broke, so its user may come back as another connection.
 * `moved`: the connection itself is about to be here again, or on another node.
 */
export type LeaveKind = 'left' | 'lost' | 'moved';

/** Who is somewhere now. */
export interface Attendance {
  readonly connections: number;
  /** undefined: there are too many to tell who. */
  readonly members: readonly PresenceMember[] | undefined;
}

/**
 * Asks to be told who is there: all of them after the ack, then every change. Asking again brings
 * all of them again.
 */
export interface WatchPresence {
  readonly kind: 'watchPresence';
  readonly to: PresenceDestination;
  readonly ackId: ClientId64 | undefined;
}

/** Ends it. Ending what was not begun succeeds. */
export interface UnwatchPresence {
  readonly kind: 'unwatchPresence';
  readonly to: PresenceDestination;
  readonly ackId: ClientId64 | undefined;
}

/** Changes what this connection says of itself in a group it is in. */
export interface SetState {
  readonly kind: 'setState';
  readonly group: string;
  /** undefined: nothing any more. */
  readonly state: ClientState | undefined;
  readonly ackId: ClientId64 | undefined;
}

/** Who is there, for somebody who watches. */
export type PresenceNotice =
  | {
      readonly kind: 'presence';
      readonly to: PresenceDestination;
      /** All of them: it replaces what was told before. */
      readonly change: 'snapshot';
      readonly members: readonly PresenceMember[];
      readonly connections: number;
      /** Different users among them. */
      readonly users: number;
    }
  | {
      readonly kind: 'presence';
      readonly to: PresenceDestination;
      readonly change: 'changes';
      /** Who came, or changed its state. */
      readonly set: readonly PresenceMember[];
      /** Who left, as it was last told. */
      readonly left: readonly PresenceMember[];
      /** Ms since 1970: when this was made. */
      readonly atMs: number;
      readonly connections: number;
      readonly users: number;
    }
  | {
      readonly kind: 'presence';
      readonly to: PresenceDestination;
      /** There are too many to tell who: only how many. */
      readonly change: 'counts';
      readonly connections: number;
    };
