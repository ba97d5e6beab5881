/** Handlers for membership: who is in a group, and who is put in or taken out. */
import { shown } from '../protocol/shown.ts';
import { empty, json, nextLink, type Call, type Handler, type RestPorts } from './call.ts';
import { openContinuation, sealContinuation } from './continuation.ts';
import { InvalidArgument, notFound } from './errors.ts';
import { readJsonObject } from './payload.ts';
import { checkedFilter } from './send.ts';

const pageSizeMax = 200;

export const groupExists: Handler = async (call, { directory }) =>
  (await directory.groupExists(call.hub, call.group))
    ? empty(200)
    : notFound('The group has no connection.');

/** One page; `nextLink` is there while there are more. */
export const listConnectionsInGroup: Handler = async (call, ports) => {
  const { hub, group, query } = call;
  const pageSize = query.integer('maxpagesize', { min: 1, max: pageSizeMax });
  const top = query.integer('top', { min: 1, max: Number.MAX_SAFE_INTEGER });
  const token = query.text('continuationToken');
  const scope = { hub, group };
  const { connections, continuation } = await ports.directory.listGroup(hub, group, {
    limit: Math.min(pageSize ?? pageSizeMax, top ?? pageSizeMax),
    continuation:
      token === undefined ? undefined : openContinuation(token, scope, ports.accessKeys),
  });
  const topLeft = top === undefined ? undefined : top - connections.length;
  const isLast = continuation === undefined || (topLeft !== undefined && topLeft <= 0);
  return json(200, {
    value: connections.map(({ connectionId, userId }) => ({ connectionId, userId })),
    nextLink: isLast
      ? undefined
      : nextLink(call, ports, {
          maxpagesize: pageSize,
          top: topLeft,
          continuationToken: sealContinuation(continuation, scope, ports.accessKeys),
        }),
  });
};

export const addConnectionToGroup: Handler = async (call, { directory }) => {
  const { hub, connectionId, group } = call;
  const isThere = await directory.addConnectionToGroup(hub, connectionId, group);
  return isThere ? empty(200) : notFound('There is no such connection.');
};

export const removeConnectionFromGroup: Handler = async (call, { directory }) => {
  await directory.removeConnectionFromGroup(call.hub, call.connectionId, call.group);
  return empty(204);
};

export const removeConnectionFromAllGroups: Handler = async (call, { directory }) => {
  await directory.removeConnectionFromAllGroups(call.hub, call.connectionId);
  return empty(204);
};

export const addUserToGroup: Handler = async (call, { directory }) => {
  const isThere = await directory.addUserToGroup(call.hub, call.userId, call.group);
  return isThere ? empty(200) : notFound('The user has no connection.');
};

export const removeUserFromGroup: Handler = async (call, { directory }) => {
  await directory.removeUserFromGroup(call.hub, call.userId, call.group);
  return empty(204);
};

export const removeUserFromAllGroups: Handler = async (call, { directory }) => {
  await directory.removeUserFromAllGroups(call.hub, call.userId);
  return empty(204);
};

export const addConnectionsToGroups: Handler = async (call, ports) => {
  const { filter, groups } = readMatching(call, ports);
  await ports.directory.addMatchingToGroups(call.hub, filter, groups);
  return empty(200);
};

export const removeConnectionsFromGroups: Handler = async (call, ports) => {
  const { filter, groups } = readMatching(call, ports);
  await ports.directory.removeMatchingFromGroups(call.hub, filter, groups);
  return empty(200);
};

/** The body `{"groups": [...], "filter": "..."}`; both are needed, so that none means nobody. */
function readMatching(call: Call, { limits }: RestPorts): { filter: string; groups: string[] } {
  const body = readJsonObject(call.request, limits.jsonDepthMax);
  const names = body['groups'];
  const groupsMax = limits.groupsPerConnectionMax;
  if (!Array.isArray(names) || names.length === 0 || names.length > groupsMax) {
    throw new InvalidArgument('groups', `groups must be an array of 1..${groupsMax} names.`);
  }
  const groups = names.map((name: unknown) => {
    if (typeof name === 'string') return call.checkedGroup('groups', name);
    throw new InvalidArgument(
      'groups',
      `groups must be an array of strings, got ${shown(JSON.stringify(name))} in it.`,
    );
  });
  const text = body['filter'];
  const filter = typeof text === 'string' ? checkedFilter(text, limits) : undefined;
  if (filter === undefined) {
    throw new InvalidArgument(
      'filter',
      'filter must be an expression that says which connections; length(connectionId) gt 0 is all.',
    );
  }
  return { filter, groups: [...new Set(groups)] };
}
