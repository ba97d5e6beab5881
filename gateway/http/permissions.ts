/** Handlers for what a connection may do to groups, changed while it is connected. */
import { empty, type Call, type Handler } from './call.ts';
import { notFound } from './errors.ts';

export const grantPermission: Handler = async (call, { directory }) => {
  const { hub, connectionId, permission } = call;
  const group = targetGroup(call);
  const isThere = await directory.grantPermission(hub, connectionId, permission, group);
  return isThere ? empty(200) : notFound('There is no such connection.');
};

export const revokePermission: Handler = async (call, { directory }) => {
  const { hub, connectionId, permission } = call;
  await directory.revokePermission(hub, connectionId, permission, targetGroup(call));
  return empty(204);
};

export const checkPermission: Handler = async (call, { directory }) => {
  const { hub, connectionId, permission } = call;
  return (await directory.hasPermission(hub, connectionId, permission, targetGroup(call)))
    ? empty(200)
    : notFound('The connection does not have the permission.');
};

/** undefined: all groups. */
function targetGroup(call: Call): string | undefined {
  const name = call.query.text('targetName');
  return name === undefined ? undefined : call.checkedGroup('targetName', name);
}
