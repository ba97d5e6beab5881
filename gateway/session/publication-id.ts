/** Ids by which clients make the repeat of a publication harmless. */
import { createHash } from 'node:crypto';
import { GatewayError } from '../errors.ts';
import type { Connection } from './session-services.ts';

const clientIdLengthMax = 128;
/** 132 bits of the hash: nobody finds two ids that share them. */
const hashLength = 22;

/**
 * What a client's id is among all publications of the cluster. The same user's id is the same on
 * every connection, and no other user can repeat it; one without a user has its connection's own.
 * @throws GatewayError `bad-request`: the id is empty or too long.
 */
export function scopedPublicationId(
  { connectionId, hub, userId }: Pick<Connection, 'connectionId' | 'hub' | 'userId'>,
  group: string,
  clientId: string,
): string {
  if (clientId === '' || clientId.length > clientIdLengthMax) {
    throw new GatewayError(
      'bad-request',
      `The id of a publication must have 1..${clientIdLengthMax} characters, got ${clientId.length}; shorten it, or leave it out`,
    );
  }
  const scope = userId === undefined ? ['connection', connectionId] : ['user', userId];
  // As JSON, the parts cannot run into each other, and unpaired surrogates are told apart.
  const text = JSON.stringify([hub, group, ...scope, clientId]);
  return `c.${createHash('sha256').update(text).digest('base64url').slice(0, hashLength)}`;
}
