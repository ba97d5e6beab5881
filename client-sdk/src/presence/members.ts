/** Who is there, as an application sees it: users with their connections, and what changed of them. */

/** What a connection says of itself. */
export type PresenceState = Readonly<Record<string, string>>;

/** One connection of a member. */
export interface PresenceConnection {
  readonly connectionId: string;
  readonly userId: string | undefined;
  /** Empty: it says nothing of itself. */
  readonly state: PresenceState;
  /** When it came, in ms since 1970. */
  readonly since: number;
}

/** A user, or a connection that has none. */
export interface PresenceMember {
  /** Undefined: a connection without a user, which is a member of its own. */
  readonly userId: string | undefined;
  /** What its connections say, newer ones before older ones. */
  readonly state: PresenceState;
  /** The oldest first; there is at least one. */
  readonly connections: readonly PresenceConnection[];
  /** When the oldest of them came, in ms since 1970. */
  readonly since: number;
}

/** By user id; a connection without a user is there by its connection id. */
export type PresenceMembers = ReadonlyMap<string, PresenceMember>;

export interface PresenceDifference {
  readonly joined: readonly PresenceMember[];
  /** As they were last. */
  readonly left: readonly PresenceMember[];
  /** Whose state or connections have changed, as they are now. */
  readonly updated: readonly PresenceMember[];
}

/** The members that these connections make; one that is as before is the same object. */
export function membersOf(
  connections: Iterable<PresenceConnection>,
  before: PresenceMembers,
): PresenceMembers {
  const grouped = new Map<string, PresenceConnection[]>();
  for (const connection of connections) {
    const key = connection.userId ?? connection.connectionId;
    const group = grouped.get(key);
    if (group === undefined) grouped.set(key, [connection]);
    else group.push(connection);
  }
  const members = new Map<string, PresenceMember>();
  for (const [key, group] of grouped) {
    const member = memberOf(group.sort((a, b) => a.since - b.since));
    const known = before.get(key);
    members.set(key, known !== undefined && isSame(known, member) ? known : member);
  }
  return members;
}

export function differenceOf(before: PresenceMembers, now: PresenceMembers): PresenceDifference {
  const [joined, updated]: [PresenceMember[], PresenceMember[]] = [[], []];
  for (const [key, member] of now) {
    const known = before.get(key);
    if (known === undefined) joined.push(member);
    else if (known !== member) updated.push(member);
  }
  const left = [...before].filter(([key]) => !now.has(key)).map(([, member]) => member);
  return { joined, left, updated };
}

function memberOf(connections: readonly PresenceConnection[]): PresenceMember {
  const [{ since, userId } = { since: 0, userId: undefined }] = connections;
  // No key of a state, whatever it is called, reaches a prototype.
  const state = Object.fromEntries(connections.flatMap((each) => Object.entries(each.state)));
  return { userId, state, connections, since };
}

/** Connections that are as before are the same objects. */
function isSame({ connections }: PresenceMember, other: PresenceMember): boolean {
  return (
    connections.length === other.connections.length &&
    connections.every((connection, index) => connection === other.connections[index])
  );
}
