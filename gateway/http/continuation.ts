/**
 * Continuation tokens: the directory's position, sealed so that a client can neither make one up
 * nor use it for another group. Any node with the same access keys opens it.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { InvalidArgument } from './errors.ts';

/** The list that a position belongs to. */
export interface ListScope {
  readonly hub: string;
  readonly group: string;
}

/** @param accessKeys the first one seals. */
export function sealContinuation(
  position: string,
  scope: ListScope,
  accessKeys: readonly string[],
): string {
  const seal = sealOf(position, scope, accessKeys[0] ?? '');
  return `${Buffer.from(position).toString('base64url')}.${seal}`;
}

/** @throws InvalidArgument: it is none of ours, or of another list. */
export function openContinuation(
  token: string,
  scope: ListScope,
  accessKeys: readonly string[],
): string {
  const [encoded = '', seal = ''] = token.split('.');
  const position = Buffer.from(encoded, 'base64url').toString();
  const given = Buffer.from(seal);
  const isOurs = accessKeys.some((key) => {
    const wanted = Buffer.from(sealOf(position, scope, key));
    return wanted.length === given.length && timingSafeEqual(wanted, given);
  });
  if (isOurs) return position;
  throw new InvalidArgument(
    'continuationToken',
    'The continuationToken is not one of this list; follow nextLink as it is, or begin anew.',
  );
}

/** As JSON, no part can run into another; a signed JWT never begins with a bracket. */
function sealOf(position: string, { hub, group }: ListScope, accessKey: string): string {
  return createHmac('sha256', accessKey)
    .update(JSON.stringify(['continuation', hub, group, position]))
    .digest('base64url');
}
