/** Reads the URLs by which NATS servers are named, and describes them without their secrets. */
import type { BackplaneUnavailableError } from '../backplane.ts';
import { UrlQuery, wrongUrl } from '../url-query.ts';

export interface NatsAddress {
  readonly host: string;
  readonly port: number;
}

/** Files of the TLS setup; undefined ones are left to the system. */
export interface NatsTls {
  /** Certificates of the authorities to trust instead of the system's. */
  readonly caFile: string | undefined;
  /** Certificate and key by which this client identifies itself. */
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
  /** True: TLS before the server's first word, as its `handshake_first` asks for. */
  readonly handshakeFirst: boolean;
}

/** How this client says who it is. At most one kind is set. */
export interface NatsIdentity {
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly token: string | undefined;
  /** File with a JWT and its seed. */
  readonly credentialsFile: string | undefined;
  /** File with an nkey seed. */
  readonly nkeyFile: string | undefined;
}

/** What a URL says. */
export interface NatsUrl {
  /** Any of the cluster's servers, or the only one. Never empty. */
  readonly servers: readonly NatsAddress[];
  readonly identity: NatsIdentity;
  /** Undefined: TLS only where the server demands it. */
  readonly tls: NatsTls | undefined;
  readonly prefix: string | undefined;
  /** On how many servers of a cluster streams are stored. */
  readonly replicas: number | undefined;
}

const schemes: Readonly<Record<string, { readonly isSecure: boolean }>> = {
  nats: { isSecure: false },
  'nats+tls': { isSecure: true },
  'tls+nats': { isSecure: true },
};
const defaultPort = 4222;
const queryNames = [
  'prefix',
  'replicas',
  'token',
  'credentials',
  'nkey',
  'ca',
  'cert',
  'key',
  'tlsFirst',
];

/** @throws BackplaneUnavailableError that names what is wrong in the URL, never its secrets. */
export function parseNatsUrl(text: string): NatsUrl {
  // In lists people write the scheme once, or before every server.
  const once = text.replaceAll(/,[a-z+]+:\/\//gi, ',');
  const match = /^([a-z+]+):\/\/([^/?#]*)\/?(?:\?([^#]*))?$/i.exec(once);
  const scheme = schemes[match?.[1]?.toLowerCase() ?? ''];
  if (match === null || scheme === undefined) {
    throw wrong('is none', 'write nats://host:port, or percent-encode / ? # in its password');
  }
  const { hosts, userInfo } = authorityOf(match[2] ?? '');
  const query = new UrlQuery('NATS', match[3] ?? '', queryNames);
  return {
    servers: hosts.map((each) => addressOf(each, userInfo !== undefined)),
    identity: identityOf(userInfo, query),
    tls: tlsOf(scheme.isSecure, query),
    prefix: prefixOf(query.get('prefix')),
    replicas: replicasOf(query.get('replicas')),
  };
}

/** `host:port`, with brackets around an IPv6 address. */
export function addressText({ host, port }: NatsAddress): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** The address in `host:port`; undefined when it is none. */
export function parseAddress(text: string): NatsAddress | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^\s:[\]@]+))(?::(\d{1,5}))?$/i.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = match?.[3] === undefined ? defaultPort : Number(match[3]);
  return host === undefined || port < 1 || port > 65_535 ? undefined : { host, port };
}

function wrong(what: string, remedy: string): BackplaneUnavailableError {
  return wrongUrl('NATS', what, remedy);
}

/** Splits `user:password@a,b` and `user:password@a,user:password@b`. */
function authorityOf(text: string): {
  readonly hosts: readonly string[];
  readonly userInfo: string | undefined;
} {
  const parts = text.split(',').map((part) => part.split('@'));
  const userInfo = parts.find((part) => part.length > 1)?.[0];
  if (parts.some((part) => part.length > 2 || (part.length === 2 && part[0] !== userInfo))) {
    throw wrong(
      'has several users',
      'give all servers the same user:password@, and write @ and , in a password as %40 and %2C',
    );
  }
  return { hosts: parts.map((part) => part.at(-1) ?? ''), userInfo };
}

function addressOf(text: string, hasUser: boolean): NatsAddress {
  const address = parseAddress(text);
  if (address !== undefined) return address;
  // With a comma in its password it may be a part of that: it must not get into a message.
  const where = hasUser ? '' : ` in "${text}"`;
  throw wrong(
    `has no host:port${where}`,
    'write for instance 10.0.0.1:4222, and a comma in a password as %2C',
  );
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw wrong('has credentials with a wrong percent-encoding', 'write a single % as %25');
  }
}

function identityOf(userInfo: string | undefined, query: UrlQuery): NatsIdentity {
  const colon = userInfo?.indexOf(':') ?? -1;
  const hasPassword = colon !== -1;
  const name =
    userInfo === undefined ? undefined : userInfo.slice(0, hasPassword ? colon : undefined);
  const identity: NatsIdentity = {
    user: hasPassword ? decoded(name ?? '') : undefined,
    password: hasPassword ? decoded(userInfo?.slice(colon + 1) ?? '') : undefined,
    // NATS itself reads a name without a password as a token.
    token: query.get('token') ?? (hasPassword || name === undefined ? undefined : decoded(name)),
    credentialsFile: query.get('credentials'),
    nkeyFile: query.get('nkey'),
  };
  const { credentialsFile, nkeyFile, token, user } = identity;
  const given = [user, token, credentialsFile, nkeyFile].filter((each) => each !== undefined);
  if (given.length <= 1) return identity;
  throw wrong('identifies in several ways', 'keep one of user:password, token, credentials, nkey');
}

function tlsOf(isSecure: boolean, query: UrlQuery): NatsTls | undefined {
  const tls: NatsTls = {
    caFile: query.get('ca'),
    certFile: query.get('cert'),
    keyFile: query.get('key'),
    handshakeFirst: query.flag('tlsFirst'),
  };
  if ((tls.certFile === undefined) !== (tls.keyFile === undefined)) {
    throw wrong('has only one of cert and key', 'give both, or none');
  }
  if (isSecure) return tls;
  if (tls.caFile === undefined && tls.certFile === undefined && !tls.handshakeFirst) {
    return undefined;
  }
  throw wrong('has TLS options without TLS', 'begin it with nats+tls://');
}

function prefixOf(text: string | undefined): string | undefined {
  // Dots are allowed between tokens only: an empty token makes a subject that goes nowhere.
  if (text === undefined || /^(?=.{1,64}$)[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$/.test(text)) {
    return text;
  }
  throw wrong(`has prefix=${text}`, 'use 1 to 64 of A-Z a-z 0-9 _ - with single dots between');
}

function replicasOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^[1-5]$/.test(text)) return Number(text);
  throw wrong(`has replicas=${text}`, 'write 1 for one server, 3 or 5 for a cluster');
}
