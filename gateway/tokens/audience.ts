/**
 * Says whether a token is meant for this gateway and for what was asked: its `aud` against the
 * configured public endpoints. Never against the Host header, which is the sender's to choose.
 */

const clientPath = '/client/hubs/';

/** True when one of the audiences is the client endpoint of the hub; hubs ignore case. */
export function isClientAudience(
  audiences: readonly string[],
  endpoints: readonly string[],
  hub: string,
): boolean {
  return audiences.some((audience) =>
    endpoints.some((endpoint) => {
      // What the SDKs send, without parsing anything.
      if (audience === `${endpoint}${clientPath}${hub}`) return true;
      const there = splitUrl(audience);
      const here = splitUrl(endpoint);
      if (there === undefined || here === undefined || there.origin !== here.origin) return false;
      const prefix = withoutEndSlash(here.rest) + clientPath;
      if (!there.rest.startsWith(prefix)) return false;
      const name = decode(withoutEndSlash(there.rest.slice(prefix.length)));
      return name !== undefined && name.toLowerCase() === hub.toLowerCase();
    }),
  );
}

/**
 * True when one of the audiences is the URL of the request under one of the endpoints. An audience
 * without a query is good for every query. A base path of the endpoint counts whether a proxy took
 * it off the request's path or not.
 */
export function isServerAudience(
  audiences: readonly string[],
  endpoints: readonly string[],
  rawPathAndQuery: string,
): boolean {
  const request = splitQuery(rawPathAndQuery);
  return audiences.some((audience) =>
    endpoints.some((endpoint) => {
      if (audience === endpoint + rawPathAndQuery) return true;
      const there = splitUrl(audience);
      const here = splitUrl(endpoint);
      if (there === undefined || here === undefined || there.origin !== here.origin) return false;
      const asked = splitQuery(there.rest);
      if (asked.query !== undefined && !isSameQuery(asked.query, request.query ?? '')) return false;
      const basePath = withoutEndSlash(here.rest);
      if (isSamePath(asked.path, basePath + request.path)) return true;
      return request.path.startsWith(`${basePath}/`) && isSamePath(asked.path, request.path);
    }),
  );
}

/**
 * Origin with http(s) for ws(s), lower case and without a default port; the rest untouched, because
 * `URL` would resolve dots in it.
 */
function splitUrl(text: string): { origin: string; rest: string } | undefined {
  const match = /^(https?|wss?):\/\/([^/?#@\\\s]+)(.*)$/is.exec(text);
  const [, scheme = '', authority = '', rest = ''] = match ?? [];
  const origin = `${scheme.toLowerCase().replace('ws', 'http')}://${authority}`;
  if (match === null || !URL.canParse(origin)) return undefined;
  return { origin: new URL(origin).origin, rest };
}

function splitQuery(text: string): { path: string; query: string | undefined } {
  const mark = text.indexOf('?');
  if (mark === -1) return { path: text, query: undefined };
  return { path: text.slice(0, mark), query: text.slice(mark + 1) };
}

/** Equal segment by segment: SDKs and proxies differ in what they percent-encode. */
function isSamePath(left: string, right: string): boolean {
  const leftSegments = withoutEndSlash(left).split('/');
  const rightSegments = withoutEndSlash(right).split('/');
  if (leftSegments.length !== rightSegments.length) return false;
  return leftSegments.every((segment, index) => {
    const other = rightSegments[index];
    if (segment === other) return true;
    const decoded = decode(segment);
    return decoded !== undefined && other !== undefined && decoded === decode(other);
  });
}

function isSameQuery(left: string, right: string): boolean {
  if (left === right) return true;
  return new URLSearchParams(left).toString() === new URLSearchParams(right).toString();
}

function withoutEndSlash(text: string): string {
  return text.endsWith('/') ? text.slice(0, -1) : text;
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
