/** Holds a command against what its connection may do to groups. */
import { GatewayError } from '../errors.ts';
import type { PermissionKind } from '../protocol/permissions.ts';
import type { Connection } from './session-services.ts';

/** @throws GatewayError `forbidden`: the message names the roles that would allow it. */
export function requirePermission(
  { permissions }: Pick<Connection, 'permissions'>,
  kind: PermissionKind,
  group: string,
): void {
  if (permissions.allows(kind, group)) return;
  throw new GatewayError(
    'forbidden',
    `The connection has no permission ${kind} for group '${group}'; its token needs the role webpubsub.${kind} or webpubsub.${kind}.${group}`,
  );
}
