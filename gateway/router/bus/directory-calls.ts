/**
 * The operations of the directory as nodes ask them of each other: a name, arguments checked on
 * arrival, and what the local directory does with them. Adding one is adding a row.
 */
import { z } from 'zod';
import { GatewayError } from '../../errors.ts';
import type { Directory } from '../ports.ts';
import { toAnswer } from './attendance-answer.ts';

const name = z.string();
const names = z.array(z.string());
/** MessagePack has null where our data has undefined. */
const maybe = z
  .union([z.string(), z.null(), z.undefined()])
  .transform((value) => value ?? undefined);
const permission = z.enum(['joinLeaveGroup', 'sendToGroup']);

type Run = (local: Directory, args: readonly unknown[]) => Promise<unknown>;

function call<Args extends readonly unknown[]>(
  schema: z.ZodType<Args>,
  run: (local: Directory, args: Args) => Promise<unknown>,
): Run {
  return (local, args) => run(local, schema.parse(args));
}

const calls = {
  connectionExists: call(z.tuple([name, name]), (local, [hub, id]) =>
    local.connectionExists(hub, id),
  ),
  groupExists: call(z.tuple([name, name]), (local, [hub, group]) => local.groupExists(hub, group)),
  userExists: call(z.tuple([name, name]), (local, [hub, user]) => local.userExists(hub, user)),
  listGroup: call(
    z.tuple([name, name, z.number().int().positive(), maybe]),
    (local, [hub, group, limit, continuation]) =>
      local.listGroup(hub, group, { limit, continuation }),
  ),
  attendance: call(z.tuple([name, maybe]), async (local, [hub, group]) =>
    toAnswer(await local.attendance(hub, group === undefined ? { kind: 'all' } : groupOf(group))),
  ),
  closeConnection: call(z.tuple([name, name, maybe]), (local, [hub, id, reason]) =>
    local.closeConnection(hub, id, reason),
  ),
  closeUser: call(z.tuple([name, name, maybe, names]), (local, [hub, user, reason, excluded]) =>
    local.closeUser(hub, user, { reason, excluded }),
  ),
  closeGroup: call(z.tuple([name, name, maybe, names]), (local, [hub, group, reason, excluded]) =>
    local.closeGroup(hub, group, { reason, excluded }),
  ),
  closeAll: call(z.tuple([name, maybe, names]), (local, [hub, reason, excluded]) =>
    local.closeAll(hub, { reason, excluded }),
  ),
  addConnectionToGroup: call(z.tuple([name, name, name]), (local, [hub, id, group]) =>
    local.addConnectionToGroup(hub, id, group),
  ),
  removeConnectionFromGroup: call(z.tuple([name, name, name]), (local, [hub, id, group]) =>
    local.removeConnectionFromGroup(hub, id, group),
  ),
  removeConnectionFromAllGroups: call(z.tuple([name, name]), (local, [hub, id]) =>
    local.removeConnectionFromAllGroups(hub, id),
  ),
  addUserToGroup: call(z.tuple([name, name, name]), (local, [hub, user, group]) =>
    local.addUserToGroup(hub, user, group),
  ),
  removeUserFromGroup: call(z.tuple([name, name, name]), (local, [hub, user, group]) =>
    local.removeUserFromGroup(hub, user, group),
  ),
  removeUserFromAllGroups: call(z.tuple([name, name]), (local, [hub, user]) =>
    local.removeUserFromAllGroups(hub, user),
  ),
  addMatchingToGroups: call(z.tuple([name, name, names]), (local, [hub, filter, groups]) =>
    local.addMatchingToGroups(hub, filter, groups),
  ),
  removeMatchingFromGroups: call(z.tuple([name, name, names]), (local, [hub, filter, groups]) =>
    local.removeMatchingFromGroups(hub, filter, groups),
  ),
  grantPermission: call(z.tuple([name, name, permission, maybe]), (local, [hub, id, kind, group]) =>
    local.grantPermission(hub, id, kind, group),
  ),
  revokePermission: call(
    z.tuple([name, name, permission, maybe]),
    (local, [hub, id, kind, group]) => local.revokePermission(hub, id, kind, group),
  ),
  hasPermission: call(z.tuple([name, name, permission, maybe]), (local, [hub, id, kind, group]) =>
    local.hasPermission(hub, id, kind, group),
  ),
} as const satisfies Record<keyof Directory, Run>;

function groupOf(name: string): { readonly kind: 'group'; readonly name: string } {
  return { kind: 'group', name };
}

export type DirectoryCall = keyof typeof calls;

/**
 * Does what another node asks.
 * @throws GatewayError `bad-request`: no such call, or other arguments than this version knows.
 */
export async function executeDirectoryCall(
  local: Directory,
  callName: string,
  args: readonly unknown[],
): Promise<unknown> {
  if (!isDirectoryCall(callName)) {
    throw new GatewayError(
      'bad-request',
      `This node knows no call '${callName}'; run the same version on all nodes`,
    );
  }
  try {
    return await calls[callName](local, args);
  } catch (error) {
    if (!(error instanceof z.ZodError)) throw error;
    throw new GatewayError(
      'bad-request',
      `The arguments of call '${callName}' are of another version; run the same on all nodes`,
      { cause: error },
    );
  }
}

function isDirectoryCall(callName: string): callName is DirectoryCall {
  return Object.hasOwn(calls, callName);
}
