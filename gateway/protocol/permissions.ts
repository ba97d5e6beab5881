/** What a connection may do to groups, from roles and from grants at run time (Azure §1.2). */

/** What can be granted and revoked at run time. */
export type PermissionKind = 'joinLeaveGroup' | 'sendToGroup';

/** And what only a token gives: to watch who is in groups that one is not in oneself. */
export type RightKind = PermissionKind | 'watchPresence';

/** Immutable and interned: connections with the same rights share one object. */
export interface Permissions {
  /** `group` undefined asks for the right over all groups. */
  allows(kind: RightKind, group: string | undefined): boolean;
  /** With one more right; `group` undefined: for all groups. */
  grant(kind: PermissionKind, group: string | undefined): Permissions;
  /**
   * Without the right that `grant` with the same arguments gives. Wildcard roles of the token stay:
   * they were never granted by name.
   */
  revoke(kind: PermissionKind, group: string | undefined): Permissions;
  /** Roles that amount to these rights. */
  roles(): readonly string[];
}
