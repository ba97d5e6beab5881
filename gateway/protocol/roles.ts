/** Roles of a token to permissions (Azure §1.2), shared between connections with the same rights. */
import { GroupPattern } from './group-pattern.ts';
import { isGroupName } from './names.ts';
import type { PermissionKind, Permissions, RightKind } from './permissions.ts';

export interface PermissionsTableOptions {
  /** Longest group name and pattern in characters. */
  readonly nameLengthMax: number;
  /** Entries remembered; beyond it the oldest is forgotten, which costs sharing and nothing else. */
  readonly entriesMax: number;
}

/** What may be done with one kind of permission. Names are sorted, so that equal sets are equal. */
interface Rights {
  readonly all: boolean;
  readonly groups: readonly string[];
  readonly patterns: readonly string[];
}

/** Longer lists of rights are rarely shared and would make the table's memory hard to bound. */
const keyLengthMax = 1024;

type RightsByKind = Readonly<Record<RightKind, Rights>>;

/** Role of ours; what follows its dot is a pattern, and a plain name is one as well. */
const watchRole = 'trunkline.watchPresence';

/** Makes permissions and remembers them: the same rights are one object while it is remembered. */
export class PermissionsTable {
  readonly #options: PermissionsTableOptions;
  /** By the roles as they came, and by the rights that they amount to. */
  readonly #byRoles = new Map<string, Permissions>();
  readonly #byRights = new Map<string, Permissions>();

  constructor(options: PermissionsTableOptions) {
    this.#options = options;
  }

  /**
   * Unknown roles grant nothing, and neither do invalid group names and patterns in known ones: a
   * token made for a newer service still connects. Case matters.
   */
  permissionsFromRoles(roles: readonly string[]): Permissions {
    const key = JSON.stringify(roles);
    return this.#remembered(this.#byRoles, key, () => this.#intern(this.#rightsOf(roles)));
  }

  #intern(rights: RightsByKind): Permissions {
    return this.#remembered(this.#byRights, JSON.stringify(rights), () => {
      const lengthMax = this.#options.nameLengthMax;
      return new GroupPermissions(rights, lengthMax, (changed) => this.#intern(changed));
    });
  }

  #remembered(map: Map<string, Permissions>, key: string, make: () => Permissions): Permissions {
    const known = map.get(key);
    if (known !== undefined) return known;
    const made = make();
    if (key.length > keyLengthMax) return made;
    if (map.size >= this.#options.entriesMax) {
      for (const oldest of map.keys()) {
        map.delete(oldest);
        break;
      }
    }
    map.set(key, made);
    return made;
  }

  #rightsOf(roles: readonly string[]): RightsByKind {
    return {
      joinLeaveGroup: this.#rightsOfKind('joinLeaveGroup', roles),
      sendToGroup: this.#rightsOfKind('sendToGroup', roles),
      watchPresence: {
        all: roles.includes(watchRole),
        groups: [],
        patterns: this.#patternsAfter(`${watchRole}.`, roles),
      },
    };
  }

  #rightsOfKind(kind: PermissionKind, roles: readonly string[]): Rights {
    const role = `webpubsub.${kind}`;
    const lengthMax = this.#options.nameLengthMax;
    const groups = namesAfter(`${role}.`, roles).filter((name) => isGroupName(name, lengthMax));
    const patterns = this.#patternsAfter(`${role}s.`, roles);
    return { all: roles.includes(role), groups: sorted(groups), patterns };
  }

  #patternsAfter(prefix: string, roles: readonly string[]): readonly string[] {
    const lengthMax = this.#options.nameLengthMax;
    return sorted(
      namesAfter(prefix, roles).filter(
        (pattern) => GroupPattern.parse(pattern, lengthMax) !== undefined,
      ),
    );
  }
}

const noGroups: ReadonlySet<string> = new Set();

class GroupPermissions implements Permissions {
  readonly #rights: RightsByKind;
  readonly #intern: (rights: RightsByKind) => Permissions;
  readonly #groups: Readonly<Record<RightKind, ReadonlySet<string>>>;
  readonly #patterns: Readonly<Record<RightKind, readonly GroupPattern[]>>;

  constructor(
    rights: RightsByKind,
    lengthMax: number,
    intern: (rights: RightsByKind) => Permissions,
  ) {
    this.#rights = rights;
    this.#intern = intern;
    const setOf = (kind: RightKind): Set<string> => new Set(rights[kind].groups);
    const patternsOf = (kind: RightKind): GroupPattern[] =>
      rights[kind].patterns.flatMap((source) => GroupPattern.parse(source, lengthMax) ?? []);
    this.#groups = {
      joinLeaveGroup: setOf('joinLeaveGroup'),
      sendToGroup: setOf('sendToGroup'),
      watchPresence: noGroups,
    };
    this.#patterns = {
      joinLeaveGroup: patternsOf('joinLeaveGroup'),
      sendToGroup: patternsOf('sendToGroup'),
      watchPresence: patternsOf('watchPresence'),
    };
  }

  allows(kind: RightKind, group: string | undefined): boolean {
    if (group === undefined) return this.#rights[kind].all;
    return (
      this.#rights[kind].all ||
      this.#groups[kind].has(group) ||
      this.#patterns[kind].some((pattern) => pattern.matches(group))
    );
  }

  grant(kind: PermissionKind, group: string | undefined): Permissions {
    const { groups } = this.#rights[kind];
    if (group === undefined) return this.#with(kind, { all: true });
    return this.#with(kind, { groups: sorted([...groups, group]) });
  }

  revoke(kind: PermissionKind, group: string | undefined): Permissions {
    const { groups } = this.#rights[kind];
    if (group === undefined) return this.#with(kind, { all: false });
    return this.#with(kind, { groups: groups.filter((name) => name !== group) });
  }

  roles(): readonly string[] {
    const { all, patterns } = this.#rights.watchPresence;
    return [
      ...rolesOf('joinLeaveGroup', this.#rights),
      ...rolesOf('sendToGroup', this.#rights),
      ...(all ? [watchRole] : []),
      ...patterns.map((pattern) => `${watchRole}.${pattern}`),
    ];
  }

  #with(kind: PermissionKind, change: Partial<Rights>): Permissions {
    return this.#intern({ ...this.#rights, [kind]: { ...this.#rights[kind], ...change } });
  }
}

function rolesOf(kind: PermissionKind, rights: RightsByKind): string[] {
  const { all, groups, patterns } = rights[kind];
  const role = `webpubsub.${kind}`;
  return [
    ...(all ? [role] : []),
    ...groups.map((group) => `${role}.${group}`),
    ...patterns.map((pattern) => `${role}s.${pattern}`),
  ];
}

function namesAfter(prefix: string, roles: readonly string[]): string[] {
  return roles.filter((role) => role.startsWith(prefix)).map((role) => role.slice(prefix.length));
}

/** Each once, in an order that does not depend on the locale. */
function sorted(names: readonly string[]): string[] {
  return Array.from(new Set(names)).toSorted();
}
