/** Reads the URLs by which Redis servers are named, and describes them without their secrets. */
import type { BackplaneUnavailableError } from '../backplane.ts';
import { UrlQuery, wrongUrl } from '../url-query.ts';

export type RedisMode = 'single' | 'cluster' | 'sentinel' | 'shards';

export interface RedisAddress {
  readonly host: string;
  readonly port: number;
}

/** What a URL says. Options that it does not name are undefined. */
export interface RedisUrl {
  readonly mode: RedisMode;
  /** The server, the cluster's seeds, the sentinels, or the independent servers. Never empty. */
  readonly servers: readonly RedisAddress[];
  /** Name of the primary that the sentinels watch; empty in other modes. */
  readonly primaryName: string;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly database: number;
  readonly tls: boolean;
  /** File with the certificates of the authorities to trust instead of the system's. */
  readonly caFile: string | undefined;
  readonly prefix: string | undefined;
  readonly partitions: number | undefined;
}

const modes: Readonly<Record<string, RedisMode>> = {
  redis: 'single',
  rediss: 'single',
  'redis+cluster': 'cluster',
  'redis+sentinel': 'sentinel',
  'redis+shards': 'shards',
};
const defaultPort = 6379;
const defaultSentinelPort = 26_379;
const partitionsMax = 4096;
const queryNames = ['prefix', 'partitions', 'tls', 'ca'];

/** @throws BackplaneUnavailableError that names what is wrong in the URL, never its password. */
export function parseRedisUrl(text: string): RedisUrl {
  const match = /^([a-z+]+):\/\/([^/?#]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/i.exec(text);
  const scheme = match?.[1]?.toLowerCase() ?? '';
  const mode = modes[scheme];
  if (match === null || mode === undefined) {
    throw wrong('is none', 'write redis://host:port, or percent-encode / ? # in its password');
  }
  const authority = match[2] ?? '';
  const at = authority.lastIndexOf('@');
  const { username, password } = credentialsOf(at === -1 ? '' : authority.slice(0, at));
  const port = mode === 'sentinel' ? defaultSentinelPort : defaultPort;
  const servers = authority
    .slice(at + 1)
    .split(',')
    .map((each) => addressOf(each, port));
  if (mode === 'single' && servers.length > 1) {
    throw wrong('names several servers', 'use redis+cluster:, redis+sentinel: or redis+shards:');
  }
  const query = new UrlQuery('Redis', match[4] ?? '', queryNames);
  return {
    mode,
    servers,
    username,
    password,
    ...pathOf(mode, decoded(match[3] ?? '', 'path')),
    tls: scheme === 'rediss' || query.flag('tls'),
    caFile: query.get('ca'),
    prefix: prefixOf(query.get('prefix')),
    partitions: partitionsOf(query.get('partitions')),
  };
}

/** `host:port`, with brackets around an IPv6 address. */
export function addressText({ host, port }: RedisAddress): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function wrong(what: string, remedy: string): BackplaneUnavailableError {
  return wrongUrl('Redis', what, remedy);
}

function decoded(text: string, part: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw wrong(`has a ${part} with a wrong percent-encoding`, 'write a single % as %25');
  }
}

function credentialsOf(text: string): Pick<RedisUrl, 'username' | 'password'> {
  const colon = text.indexOf(':');
  const username = decoded(colon === -1 ? text : text.slice(0, colon), 'user name');
  const password = colon === -1 ? '' : decoded(text.slice(colon + 1), 'password');
  return { username: username || undefined, password: password || undefined };
}

function addressOf(text: string, defaultTo: number): RedisAddress {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^\s:[\]]+))(?::(\d{1,5}))?$/i.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = match?.[3] === undefined ? defaultTo : Number(match[3]);
  if (host === undefined || port < 1 || port > 65_535) {
    throw wrong(`has no host:port in "${text}"`, 'write for instance 10.0.0.1:6379');
  }
  return { host, port };
}

function pathOf(mode: RedisMode, path: string): Pick<RedisUrl, 'database' | 'primaryName'> {
  if (mode === 'sentinel') {
    const [name = '', database = ''] = path.split('/');
    if (name === '') {
      throw wrong('names no primary', 'write redis+sentinel://host:26379/name-of-the-primary');
    }
    return { primaryName: name, database: databaseOf(database) };
  }
  const database = databaseOf(path);
  if (mode === 'cluster' && database !== 0) {
    throw wrong(`has database ${database}`, 'a cluster has only database 0');
  }
  return { primaryName: '', database };
}

function databaseOf(text: string): number {
  if (!/^\d{0,5}$/.test(text)) throw wrong(`has the path "${text}"`, 'give a database number');
  return Number(text);
}

function prefixOf(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  // None of these letters can end a prefix, open a hash tag or act as a pattern in an ACL rule.
  if (/^[A-Za-z0-9_.-]{1,64}$/.test(text)) return text;
  throw wrong(`has prefix=${text}`, 'use 1 to 64 of A-Z a-z 0-9 _ . -');
}

function partitionsOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= partitionsMax) return value;
  throw wrong(`has partitions=${text}`, `use 1 to ${partitionsMax}, the same on every node`);
}
