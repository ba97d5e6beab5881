/**
 * Ids that backends choose for what they publish, so that a repeat of a request is no second
 * message: the header Idempotency-Key (IETF draft), or else the id by which the Azure SDKs know a
 * request, which they keep when they send it again.
 */
import { createHash } from 'node:crypto';
import type { Payload } from '../protocol/model.ts';
import { shown } from '../protocol/shown.ts';
import type { Destination } from '../router/ports.ts';
import type { HttpRequest } from '../transport/transport.ts';
import { InvalidArgument } from './errors.ts';

/** What is published, as far as its id depends on it. */
export interface Identified {
  readonly hub: string;
  readonly to: Destination;
  readonly payload: Payload;
}

const keyPattern = /^[\x20-\x7e]{1,255}$/;
const hashLength = 22;

/**
 * undefined: the request names none.
 * @throws InvalidArgument: the Idempotency-Key is none.
 */
export function publicationIdOf(request: HttpRequest, published: Identified): string | undefined {
  const key = request.headers.get('idempotency-key');
  if (key !== undefined) return idOfKey('Idempotency-Key', key, published);
  const requestId = request.headers.get('x-ms-client-request-id');
  if (requestId === undefined || requestId === '') return undefined;
  // Some applications use one request id for all they do for a user: it alone tells nothing apart.
  return idOf(['request', requestId], published, published.payload);
}

/**
 * The same for equal keys to one destination of one hub, whatever is published.
 * @param target how messages name the key.
 * @throws InvalidArgument
 */
export function idOfKey(target: string, key: string, published: Identified): string {
  if (keyPattern.test(key)) return idOf(['key', key], published, undefined);
  throw new InvalidArgument(
    target,
    `${target} must be 1..255 printable ASCII characters, got ${shown(key)}.`,
  );
}

/** As JSON, no part can run into another. */
function idOf(
  parts: readonly string[],
  { hub, to }: Identified,
  payload: Payload | undefined,
): string {
  const name = to.kind === 'all' ? '' : to.name;
  const hash = createHash('sha256').update(JSON.stringify([hub, to.kind, name, ...parts]));
  if (payload !== undefined) hash.update(payload.dataType).update(payload.bytes);
  return `r.${hash.digest('base64url').slice(0, hashLength)}`;
}
