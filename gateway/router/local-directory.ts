/** Questions and orders about connections, answered by this node for its own connections. */
import { closeCodes } from '../protocol/close-codes.ts';
import { compileFilter, type FilterBounds } from '../protocol/filter/filter.ts';
import type { PermissionKind } from '../protocol/permissions.ts';
import type { Attendance, PresenceDestination } from '../protocol/presence-model.ts';
import type { HubTable } from './hub-table.ts';
import type { LocalSubscriber } from './local-subscriber.ts';
import type { Members } from './members.ts';
import type { CloseOptions, ConnectionPage, Directory } from './ports.ts';
import { memberBytes, memberOf } from './presence/member-record.ts';

export interface LocalDirectoryOptions {
  readonly hubs: HubTable;
  readonly members: Members;
  readonly filterBounds: FilterBounds;
  /** Beyond these it is only told how many members there are. */
  readonly attendanceBounds: AttendanceBounds;
}

export interface AttendanceBounds {
  readonly membersMax: number;
  /** Of all of them together. */
  readonly bytesMax: number;
}

/** Reason told to clients when the caller of the REST API gave none (Azure's word for it). */
const defaultCloseReason = 'ClosedByAppServer';

export class LocalDirectory implements Directory {
  readonly #hubs: HubTable;
  readonly #members: Members;
  readonly #filterBounds: FilterBounds;
  readonly #attendanceBounds: AttendanceBounds;

  constructor(options: LocalDirectoryOptions) {
    this.#hubs = options.hubs;
    this.#members = options.members;
    this.#filterBounds = options.filterBounds;
    this.#attendanceBounds = options.attendanceBounds;
  }

  async connectionExists(hub: string, connectionId: string): Promise<boolean> {
    return this.#hubs.connection(hub, connectionId) !== undefined;
  }

  async groupExists(hub: string, group: string): Promise<boolean> {
    return this.#inGroup(hub, group).length > 0;
  }

  async userExists(hub: string, userId: string): Promise<boolean> {
    return this.#ofUser(hub, userId).length > 0;
  }

  async listGroup(
    hub: string,
    group: string,
    page: { readonly limit: number; readonly continuation: string | undefined },
  ): Promise<ConnectionPage> {
    const { continuation, limit } = page;
    // Ordered by id, so that a page goes on where the last one ended whoever came or went.
    const rest = this.#inGroup(hub, group)
      .filter(({ connectionId }) => continuation === undefined || connectionId > continuation)
      .sort((a, b) => (a.connectionId < b.connectionId ? -1 : 1));
    const connections = rest
      .slice(0, limit)
      .map(({ connectionId, userId }) => ({ connectionId, userId }));
    const last = connections.at(-1);
    return { connections, continuation: rest.length > limit ? last?.connectionId : undefined };
  }

  async attendance(hub: string, to: PresenceDestination): Promise<Attendance> {
    const { bytesMax, membersMax } = this.#attendanceBounds;
    const memberships = this.#hubs.find(hub, to)?.members ?? [];
    const connections = memberships.length;
    if (connections > membersMax) return { connections, members: undefined };
    const members = memberships.map(memberOf);
    let bytes = 0;
    for (const member of members) bytes += memberBytes(member);
    return { connections, members: bytes > bytesMax ? undefined : members };
  }

  async closeConnection(hub: string, connectionId: string, reason?: string): Promise<void> {
    const subscriber = this.#hubs.connection(hub, connectionId);
    if (subscriber !== undefined) close([subscriber], { reason, excluded: [] });
  }

  async closeUser(hub: string, userId: string, options: CloseOptions): Promise<void> {
    close(this.#ofUser(hub, userId), options);
  }

  async closeGroup(hub: string, group: string, options: CloseOptions): Promise<void> {
    close(this.#inGroup(hub, group), options);
  }

  async closeAll(hub: string, options: CloseOptions): Promise<void> {
    close([...this.#hubs.connections(hub)], options);
  }

  async addConnectionToGroup(hub: string, connectionId: string, group: string): Promise<boolean> {
    const subscriber = this.#hubs.connection(hub, connectionId);
    if (subscriber === undefined) return false;
    await this.#members.join(subscriber, group);
    return true;
  }

  async removeConnectionFromGroup(hub: string, connectionId: string, group: string): Promise<void> {
    const subscriber = this.#hubs.connection(hub, connectionId);
    if (subscriber !== undefined) this.#members.leave(subscriber, group);
  }

  async removeConnectionFromAllGroups(hub: string, connectionId: string): Promise<void> {
    const subscriber = this.#hubs.connection(hub, connectionId);
    if (subscriber !== undefined) this.#members.leaveAll(subscriber);
  }

  async addUserToGroup(hub: string, userId: string, group: string): Promise<boolean> {
    const connections = this.#ofUser(hub, userId);
    await this.#joinAll(connections, [group]);
    return connections.length > 0;
  }

  async removeUserFromGroup(hub: string, userId: string, group: string): Promise<void> {
    for (const subscriber of this.#ofUser(hub, userId)) this.#members.leave(subscriber, group);
  }

  async removeUserFromAllGroups(hub: string, userId: string): Promise<void> {
    for (const subscriber of this.#ofUser(hub, userId)) this.#members.leaveAll(subscriber);
  }

  async addMatchingToGroups(hub: string, filter: string, groups: readonly string[]): Promise<void> {
    await this.#joinAll(this.#matching(hub, filter), groups);
  }

  async removeMatchingFromGroups(
    hub: string,
    filter: string,
    groups: readonly string[],
  ): Promise<void> {
    for (const subscriber of this.#matching(hub, filter)) {
      for (const group of groups) this.#members.leave(subscriber, group);
    }
  }

  async grantPermission(
    hub: string,
    connectionId: string,
    permission: PermissionKind,
    group: string | undefined,
  ): Promise<boolean> {
    const subscriber = this.#hubs.connection(hub, connectionId);
    if (subscriber === undefined) return false;
    subscriber.owner.permissions = subscriber.owner.permissions.grant(permission, group);
    return true;
  }

  async revokePermission(
    hub: string,
    connectionId: string,
    permission: PermissionKind,
    group: string | undefined,
  ): Promise<void> {
    const subscriber = this.#hubs.connection(hub, connectionId);
    if (subscriber === undefined) return;
    subscriber.owner.permissions = subscriber.owner.permissions.revoke(permission, group);
  }

  async hasPermission(
    hub: string,
    connectionId: string,
    permission: PermissionKind,
    group: string | undefined,
  ): Promise<boolean> {
    const subscriber = this.#hubs.connection(hub, connectionId);
    return subscriber?.owner.permissions.allows(permission, group) ?? false;
  }

  #inGroup(hub: string, group: string): LocalSubscriber[] {
    return this.#hubs.members(hub, { kind: 'group', name: group });
  }

  #ofUser(hub: string, userId: string): LocalSubscriber[] {
    return this.#hubs.members(hub, { kind: 'user', name: userId });
  }

  #matching(hub: string, expression: string): LocalSubscriber[] {
    const filter = compileFilter(expression, this.#filterBounds);
    // Not those that still wait for the broker: their first frame is to be `connected`.
    return this.#hubs.members(hub, { kind: 'all' }).filter((subscriber) => filter(subscriber));
  }

  async #joinAll(
    subscribers: readonly LocalSubscriber[],
    groups: readonly string[],
  ): Promise<void> {
    await Promise.all(
      subscribers.flatMap((subscriber) =>
        groups.map((group) => this.#members.join(subscriber, group)),
      ),
    );
  }
}

function close(subscribers: readonly LocalSubscriber[], options: CloseOptions): void {
  const excluded = new Set(options.excluded);
  for (const subscriber of subscribers) {
    if (excluded.has(subscriber.connectionId)) continue;
    subscriber.owner.close(closeCodes.normal, options.reason ?? defaultCloseReason);
  }
}
