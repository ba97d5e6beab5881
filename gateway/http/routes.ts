/**
 * The table of everything that the gateway answers over plain HTTP. It is data: the OpenAPI document
 * is held against it. Operations and statuses are those of Azure Web PubSub 2024-12-01,
 * and those of streams, presence and batches, which Azure does not have.
 */
import { sendBatch } from './batch.ts';
import type { Handler } from './call.ts';
import * as connections from './connections.ts';
import * as groups from './groups.ts';
import * as health from './health.ts';
import * as history from './history.ts';
import * as permissions from './permissions.ts';
import * as presence from './presence.ts';
import * as send from './send.ts';
import { generateClientToken } from './token.ts';

export interface Route {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';
  /** Segments in braces are parameters and never empty. */
  readonly path: string;
  /** Unique name: `operationId` in the OpenAPI document. */
  readonly operation: string;
  /** False: anybody may ask. */
  readonly needsToken: boolean;
  /** True: refused without a Content-Length, before the body is read. */
  readonly hasBody: boolean;
  readonly handler: Handler;
}

const hub = '/api/hubs/{hub}';
const user = `${hub}/users/{userId}`;
const group = `${hub}/groups/{group}`;
const connection = `${hub}/connections/{connectionId}`;
const groupConnection = `${group}/connections/{connectionId}`;
const userGroup = `${user}/groups/{group}`;
const permission = `${hub}/permissions/{permission}/connections/{connectionId}`;

export const routes: readonly Route[] = [
  open('HEAD', '/api/health', 'health', health.apiHealth),
  open('GET', '/healthz', 'alive', health.alive),
  open('GET', '/readyz', 'ready', health.ready),
  open('GET', '/metrics', 'metrics', health.metricsText),

  withBody(`${hub}/:send`, 'sendToAll', send.sendToAll),
  withBody(`${user}/:send`, 'sendToUser', send.sendToUser),
  withBody(`${group}/:send`, 'sendToGroup', send.sendToGroup),
  withBody(`${connection}/:send`, 'sendToConnection', send.sendToConnection),

  withBody(`${hub}/:sendBatch`, 'sendBatch', sendBatch),

  withBody(`${hub}/:addToGroups`, 'addConnectionsToGroups', groups.addConnectionsToGroups),
  withBody(
    `${hub}/:removeFromGroups`,
    'removeConnectionsFromGroups',
    groups.removeConnectionsFromGroups,
  ),
  route('HEAD', group, 'groupExists', groups.groupExists),
  route('GET', `${group}/connections`, 'listConnectionsInGroup', groups.listConnectionsInGroup),
  route('PUT', groupConnection, 'addConnectionToGroup', groups.addConnectionToGroup),
  route('DELETE', groupConnection, 'removeConnectionFromGroup', groups.removeConnectionFromGroup),
  route(
    'DELETE',
    `${connection}/groups`,
    'removeConnectionFromAllGroups',
    groups.removeConnectionFromAllGroups,
  ),
  route('PUT', userGroup, 'addUserToGroup', groups.addUserToGroup),
  route('DELETE', userGroup, 'removeUserFromGroup', groups.removeUserFromGroup),
  route('DELETE', `${user}/groups`, 'removeUserFromAllGroups', groups.removeUserFromAllGroups),

  route('HEAD', connection, 'connectionExists', connections.connectionExists),
  route('HEAD', user, 'userExists', connections.userExists),
  route('DELETE', connection, 'closeConnection', connections.closeConnection),
  route('POST', `${hub}/:closeConnections`, 'closeAllConnections', connections.closeAllConnections),
  route(
    'POST',
    `${user}/:closeConnections`,
    'closeUserConnections',
    connections.closeUserConnections,
  ),
  route(
    'POST',
    `${group}/:closeConnections`,
    'closeGroupConnections',
    connections.closeGroupConnections,
  ),

  route('PUT', permission, 'grantPermission', permissions.grantPermission),
  route('DELETE', permission, 'revokePermission', permissions.revokePermission),
  route('HEAD', permission, 'checkPermission', permissions.checkPermission),

  route('GET', `${hub}/presence`, 'readPresenceOfHub', presence.hubPresence),
  route('GET', `${group}/presence`, 'readPresenceOfGroup', presence.groupPresence),

  route('GET', `${hub}/history`, 'readHistoryOfAll', history.allHistory),
  route('GET', `${user}/history`, 'readHistoryOfUser', history.userHistory),
  route('GET', `${group}/history`, 'readHistoryOfGroup', history.groupHistory),
  route('DELETE', `${hub}/history`, 'purgeHistoryOfAll', history.purgeAllHistory),
  route('DELETE', `${user}/history`, 'purgeHistoryOfUser', history.purgeUserHistory),
  route('DELETE', `${group}/history`, 'purgeHistoryOfGroup', history.purgeGroupHistory),
  route('GET', `${hub}/stream`, 'describeStreamOfAll', history.allStream),
  route('GET', `${user}/stream`, 'describeStreamOfUser', history.userStream),
  route('GET', `${group}/stream`, 'describeStreamOfGroup', history.groupStream),

  route('POST', `${hub}/:generateToken`, 'generateClientToken', generateClientToken),
];

function route(method: Route['method'], path: string, operation: string, handler: Handler): Route {
  return { method, path, operation, needsToken: true, hasBody: false, handler };
}

function open(method: Route['method'], path: string, operation: string, handler: Handler): Route {
  return { ...route(method, path, operation, handler), needsToken: false };
}

function withBody(path: string, operation: string, handler: Handler): Route {
  return { ...route('POST', path, operation, handler), hasBody: true };
}
