/** Handlers that ask whether connections and users are there, and close their connections. */
import type { CloseOptions } from '../router/ports.ts';
import { empty, type Call, type Handler } from './call.ts';
import { notFound } from './errors.ts';

export const connectionExists: Handler = async (call, { directory }) =>
  (await directory.connectionExists(call.hub, call.connectionId))
    ? empty(200)
    : notFound('There is no such connection.');

export const userExists: Handler = async (call, { directory }) =>
  (await directory.userExists(call.hub, call.userId))
    ? empty(200)
    : notFound('The user has no connection.');

export const closeConnection: Handler = async (call, { directory }) => {
  await directory.closeConnection(call.hub, call.connectionId, call.query.text('reason'));
  return empty(204);
};

export const closeUserConnections: Handler = async (call, { directory }) => {
  await directory.closeUser(call.hub, call.userId, closeOptions(call));
  return empty(204);
};

export const closeGroupConnections: Handler = async (call, { directory }) => {
  await directory.closeGroup(call.hub, call.group, closeOptions(call));
  return empty(204);
};

export const closeAllConnections: Handler = async (call, { directory }) => {
  await directory.closeAll(call.hub, closeOptions(call));
  return empty(204);
};

function closeOptions({ query }: Call): CloseOptions {
  return { reason: query.text('reason'), excluded: query.list('excluded') };
}
