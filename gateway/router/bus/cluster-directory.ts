/**
 * The directory of the whole cluster: what concerns one connection is asked of its node, what
 * concerns a user, a group or a hub is asked of all nodes that know it. A missing answer never
 * becomes a "no".
 */
import { z } from 'zod';
import { GatewayError } from '../../errors.ts';
import type { PermissionKind } from '../../protocol/permissions.ts';
import { destinationKey, nodeOfConnection } from '../keys.ts';
import type { CloseOptions, ConnectionPage, Destination, Directory } from '../ports.ts';
import type { DirectoryCall } from './directory-calls.ts';
import { missing, type NodeBus } from './node-bus.ts';
import type { SurveyResult } from './survey.ts';

type Addressed = Exclude<Destination, { kind: 'connection' }>;

const pageSchema = z.object({
  connections: z.array(
    z
      .object({ connectionId: z.string(), userId: z.string().nullish() })
      .transform(({ connectionId, userId }) => ({ connectionId, userId: userId ?? undefined })),
  ),
  continuation: z.string().nullish(),
});

export class ClusterDirectory implements Directory {
  readonly #bus: NodeBus;

  constructor(bus: NodeBus) {
    this.#bus = bus;
  }

  connectionExists(hub: string, connectionId: string): Promise<boolean> {
    return this.#isTrueAtOwner(connectionId, 'connectionExists', [hub, connectionId]);
  }

  groupExists(hub: string, group: string): Promise<boolean> {
    return this.#isTrueAnywhere(hub, groupOf(group), 'groupExists', [hub, group]);
  }

  userExists(hub: string, userId: string): Promise<boolean> {
    return this.#isTrueAnywhere(hub, userOf(userId), 'userExists', [hub, userId]);
  }

  async listGroup(
    hub: string,
    group: string,
    page: { readonly limit: number; readonly continuation: string | undefined },
  ): Promise<ConnectionPage> {
    const { continuation, limit } = page;
    const args = [hub, group, limit, continuation];
    const result = await this.#survey(hub, groupOf(group), 'listGroup', args);
    const pages = [...result.answers.values()].map((answer) => pageSchema.parse(answer));
    // A connection's id begins with its node, so this is the order of (node, connection).
    const all = pages
      .flatMap(({ connections }) => connections)
      .sort((a, b) => (a.connectionId < b.connectionId ? -1 : 1));
    const hasMore =
      all.length > limit || pages.some((answer) => typeof answer.continuation === 'string');
    const connections = all.slice(0, limit);
    return {
      connections,
      continuation: hasMore ? connections.at(-1)?.connectionId : undefined,
    };
  }

  async closeConnection(hub: string, connectionId: string, reason?: string): Promise<void> {
    await this.#atOwner(connectionId, 'closeConnection', [hub, connectionId, reason]);
  }

  async closeUser(hub: string, userId: string, options: CloseOptions): Promise<void> {
    const args = [hub, userId, options.reason, options.excluded];
    await this.#survey(hub, userOf(userId), 'closeUser', args);
  }

  async closeGroup(hub: string, group: string, options: CloseOptions): Promise<void> {
    const args = [hub, group, options.reason, options.excluded];
    await this.#survey(hub, groupOf(group), 'closeGroup', args);
  }

  async closeAll(hub: string, options: CloseOptions): Promise<void> {
    await this.#survey(hub, everyone, 'closeAll', [hub, options.reason, options.excluded]);
  }

  addConnectionToGroup(hub: string, connectionId: string, group: string): Promise<boolean> {
    const args = [hub, connectionId, group];
    return this.#isTrueAtOwner(connectionId, 'addConnectionToGroup', args);
  }

  async removeConnectionFromGroup(hub: string, connectionId: string, group: string): Promise<void> {
    await this.#atOwner(connectionId, 'removeConnectionFromGroup', [hub, connectionId, group]);
  }

  async removeConnectionFromAllGroups(hub: string, connectionId: string): Promise<void> {
    await this.#atOwner(connectionId, 'removeConnectionFromAllGroups', [hub, connectionId]);
  }

  async addUserToGroup(hub: string, userId: string, group: string): Promise<boolean> {
    // Every node has to do it: one "true" is not enough.
    const args = [hub, userId, group];
    const result = await this.#survey(hub, userOf(userId), 'addUserToGroup', args);
    return [...result.answers.values()].includes(true);
  }

  async removeUserFromGroup(hub: string, userId: string, group: string): Promise<void> {
    await this.#survey(hub, userOf(userId), 'removeUserFromGroup', [hub, userId, group]);
  }

  async removeUserFromAllGroups(hub: string, userId: string): Promise<void> {
    await this.#survey(hub, userOf(userId), 'removeUserFromAllGroups', [hub, userId]);
  }

  async addMatchingToGroups(hub: string, filter: string, groups: readonly string[]): Promise<void> {
    await this.#survey(hub, everyone, 'addMatchingToGroups', [hub, filter, groups]);
  }

  async removeMatchingFromGroups(
    hub: string,
    filter: string,
    groups: readonly string[],
  ): Promise<void> {
    await this.#survey(hub, everyone, 'removeMatchingFromGroups', [hub, filter, groups]);
  }

  grantPermission(
    hub: string,
    connectionId: string,
    permission: PermissionKind,
    group: string | undefined,
  ): Promise<boolean> {
    const args = [hub, connectionId, permission, group];
    return this.#isTrueAtOwner(connectionId, 'grantPermission', args);
  }

  async revokePermission(
    hub: string,
    connectionId: string,
    permission: PermissionKind,
    group: string | undefined,
  ): Promise<void> {
    const args = [hub, connectionId, permission, group];
    await this.#atOwner(connectionId, 'revokePermission', args);
  }

  hasPermission(
    hub: string,
    connectionId: string,
    permission: PermissionKind,
    group: string | undefined,
  ): Promise<boolean> {
    const args = [hub, connectionId, permission, group];
    return this.#isTrueAtOwner(connectionId, 'hasPermission', args);
  }

  async #isTrueAtOwner(
    connectionId: string,
    call: DirectoryCall,
    args: readonly unknown[],
  ): Promise<boolean> {
    return (await this.#atOwner(connectionId, call, args)) === true;
  }

  /** undefined also when no node can have the connection. */
  async #atOwner(
    connectionId: string,
    call: DirectoryCall,
    args: readonly unknown[],
  ): Promise<unknown> {
    this.#refuseWhileSuspect();
    const nodeId = nodeOfConnection(connectionId);
    return nodeId === undefined ? undefined : this.#bus.call(nodeId, call, args);
  }

  async #isTrueAnywhere(
    hub: string,
    to: Addressed,
    call: DirectoryCall,
    args: readonly unknown[],
  ): Promise<boolean> {
    const isEnough = (value: unknown): boolean => value === true;
    const result = await this.#ask(hub, to, { call, args, isEnough });
    if ([...result.answers.values()].includes(true)) return true;
    requireAll(result);
    return false;
  }

  /** @throws GatewayError unless every node that was asked has answered. */
  async #survey(
    hub: string,
    to: Addressed,
    call: DirectoryCall,
    args: readonly unknown[],
  ): Promise<SurveyResult> {
    const result = await this.#ask(hub, to, { call, args });
    requireAll(result);
    return result;
  }

  #ask(
    hub: string,
    to: Addressed,
    question: {
      readonly call: DirectoryCall;
      readonly args: readonly unknown[];
      readonly isEnough?: (value: unknown) => boolean;
    },
  ): Promise<SurveyResult> {
    this.#refuseWhileSuspect();
    return this.#bus.survey({ ...question, key: destinationKey(hub, to) });
  }

  #refuseWhileSuspect(): void {
    const suspicion = this.#bus.suspicion();
    if (suspicion === undefined) return;
    throw new GatewayError('nodes-missing', `No answer can be trusted: ${suspicion}; try again`);
  }
}

const everyone: Addressed = { kind: 'all' };

function groupOf(name: string): Addressed {
  return { kind: 'group', name };
}

function userOf(name: string): Addressed {
  return { kind: 'user', name };
}

function requireAll(result: SurveyResult): void {
  const [failure] = result.failures.values();
  if (failure !== undefined) throw failure;
  if (!result.isComplete) throw missing(result.missing);
}
