/**
 * The directory of the whole cluster: what concerns one connection is asked of its node, everything
 * else of all nodes. A missing answer never becomes a "no".
 */
import { z } from 'zod';
import { GatewayError } from '../../errors.ts';
import { defaultLimits } from '../../limits.ts';
import type { PermissionKind } from '../../protocol/permissions.ts';
import type { Attendance, PresenceDestination } from '../../protocol/presence-model.ts';
import { nodeOfConnection } from '../keys.ts';
import type { CloseOptions, ConnectionPage, Directory } from '../ports.ts';
import { fromAnswers } from './attendance-answer.ts';
import type { DirectoryCall } from './directory-calls.ts';
import { MovedConnections } from './moved-connections.ts';
import { nodesMissing, type NodeBus } from './node-bus.ts';
import type { SurveyResult } from './survey.ts';

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
  readonly #moved: MovedConnections;
  readonly #membersMax: number;

  /**
   * @param moved connections that other nodes serve than those of their ids.
   * @param membersMax members of which `attendance` tells who they are.
   */
  constructor(
    bus: NodeBus,
    moved = new MovedConnections(),
    membersMax = defaultLimits.presenceMembersMax,
  ) {
    this.#bus = bus;
    this.#moved = moved;
    this.#membersMax = membersMax;
  }

  connectionExists(hub: string, connectionId: string): Promise<boolean> {
    return this.#isTrueAtOwner(connectionId, 'connectionExists', [hub, connectionId]);
  }

  groupExists(hub: string, group: string): Promise<boolean> {
    return this.#isTrueAnywhere('groupExists', [hub, group]);
  }

  userExists(hub: string, userId: string): Promise<boolean> {
    return this.#isTrueAnywhere('userExists', [hub, userId]);
  }

  async listGroup(
    hub: string,
    group: string,
    page: { readonly limit: number; readonly continuation: string | undefined },
  ): Promise<ConnectionPage> {
    const { continuation, limit } = page;
    const answers = await this.#survey('listGroup', [hub, group, limit, continuation]);
    const pages = answers.map(pageOf);
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

  async attendance(hub: string, to: PresenceDestination): Promise<Attendance> {
    const args = [hub, to.kind === 'group' ? to.name : undefined];
    const answers = await this.#survey('attendance', args);
    try {
      return fromAnswers(answers, this.#membersMax);
    } catch (cause) {
      throw new GatewayError('internal', otherVersion('who is there'), { cause });
    }
  }

  async closeConnection(hub: string, connectionId: string, reason?: string): Promise<void> {
    await this.#atOwner(connectionId, 'closeConnection', [hub, connectionId, reason]);
  }

  async closeUser(hub: string, userId: string, options: CloseOptions): Promise<void> {
    const args = [hub, userId, options.reason, options.excluded];
    await this.#survey('closeUser', args);
  }

  async closeGroup(hub: string, group: string, options: CloseOptions): Promise<void> {
    const args = [hub, group, options.reason, options.excluded];
    await this.#survey('closeGroup', args);
  }

  async closeAll(hub: string, options: CloseOptions): Promise<void> {
    await this.#survey('closeAll', [hub, options.reason, options.excluded]);
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
    const answers = await this.#survey('addUserToGroup', args);
    return answers.includes(true);
  }

  async removeUserFromGroup(hub: string, userId: string, group: string): Promise<void> {
    await this.#survey('removeUserFromGroup', [hub, userId, group]);
  }

  async removeUserFromAllGroups(hub: string, userId: string): Promise<void> {
    await this.#survey('removeUserFromAllGroups', [hub, userId]);
  }

  async addMatchingToGroups(hub: string, filter: string, groups: readonly string[]): Promise<void> {
    await this.#survey('addMatchingToGroups', [hub, filter, groups]);
  }

  async removeMatchingFromGroups(
    hub: string,
    filter: string,
    groups: readonly string[],
  ): Promise<void> {
    await this.#survey('removeMatchingFromGroups', [hub, filter, groups]);
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
    const answers = await this.#atOwner(connectionId, call, args);
    return answers.includes(true);
  }

  /**
   * A node that is not known may have come this moment. Then all are asked: when the question has
   * gone round, so has the first heartbeat of such a node.
   */
  async #atOwner(
    connectionId: string,
    call: DirectoryCall,
    args: readonly unknown[],
  ): Promise<readonly unknown[]> {
    const nodeId = this.#moved.nodeOf(connectionId) ?? nodeOfConnection(connectionId);
    if (nodeId === undefined) return [];
    if (this.#bus.roster.state(nodeId) === undefined) return this.#survey(call, args);
    return [await this.#bus.call(nodeId, call, args)];
  }

  async #isTrueAnywhere(call: DirectoryCall, args: readonly unknown[]): Promise<boolean> {
    const isEnough = (value: unknown): boolean => value === true;
    const result = await this.#bus.survey({ call, args, isEnough });
    // One "yes" is true whoever else is missing.
    return [...result.answers.values()].includes(true) || valuesOf(result).includes(true);
  }

  /** @throws GatewayError unless every node has done it. */
  async #survey(call: DirectoryCall, args: readonly unknown[]): Promise<readonly unknown[]> {
    return valuesOf(await this.#bus.survey({ call, args }));
  }
}

function otherVersion(what: string): string {
  return `A node answered ${what} in a way that cannot be read; run the same version on all nodes`;
}

function pageOf(answer: unknown): z.infer<typeof pageSchema> {
  const { data, error } = pageSchema.safeParse(answer);
  if (data !== undefined) return data;
  throw new GatewayError('internal', otherVersion('a page'), { cause: error });
}

/** @throws GatewayError unless every node has answered. */
function valuesOf({ answers, failures, isComplete, missing }: SurveyResult): readonly unknown[] {
  const [failure] = failures.values();
  if (failure !== undefined) throw failure;
  if (!isComplete) throw nodesMissing(missing);
  return [...answers.values()];
}
