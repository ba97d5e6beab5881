/** Reads `azure://?hub=trunkline&shards=64` and the connection string that belongs to it. */
import { BackplaneUnavailableError } from '../backplane.ts';
import { UrlQuery, wrongUrl } from '../url-query.ts';

/** Where and how the nodes meet; the same for all nodes of a cluster. */
export interface AzurePlace {
  readonly hub: string;
  /** Groups over which keys are spread. */
  readonly shards: number;
}

const defaultPlace: AzurePlace = { hub: 'trunkline', shards: 64 };
const shardsMax = 1024;
const queryNames = ['hub', 'shards'];

/** @throws BackplaneUnavailableError that names what is wrong in the URL. */
export function parseAzureUrl(text: string): AzurePlace {
  const match = /^azure:(?:\/\/)?\/?(?:\?([^#]*))?$/i.exec(text);
  if (match === null) {
    // Whoever put the connection string there must not read its key in a log.
    throw wrong(
      'has more than options',
      'write azure://?hub=trunkline&shards=64; the endpoint and its key belong into ' +
        'TRUNKLINE_AZURE_CONNECTION_STRING',
    );
  }
  const query = new UrlQuery('Azure', match[1] ?? '', queryNames);
  return { hub: hubOf(query.get('hub')), shards: shardsOf(query.get('shards')) };
}

/**
 * The endpoint in a connection string, for messages. Read as the service's library does it.
 * @throws BackplaneUnavailableError that names what is missing, never the key.
 */
export function endpointOf(connectionString: string | undefined): URL {
  const parts = new Map(
    (connectionString ?? '').split(';').map((part) => {
      const at = part.indexOf('=');
      return [part.slice(0, at).trim().toLowerCase(), part.slice(at + 1)] as const;
    }),
  );
  const endpoint = parts.get('endpoint') ?? '';
  if (endpoint === '' || (parts.get('accesskey') ?? '') === '') {
    throw new BackplaneUnavailableError(
      `TRUNKLINE_AZURE_CONNECTION_STRING must be ` +
        `"Endpoint=https://NAME.webpubsub.azure.com;AccessKey=KEY;Version=1.0;" as the portal ` +
        `shows it under Keys, got ${shownParts(connectionString)}`,
    );
  }
  const full = /^https?:/i.test(endpoint) ? endpoint : `https://${endpoint}`;
  if (!URL.canParse(full)) {
    throw new BackplaneUnavailableError(
      `TRUNKLINE_AZURE_CONNECTION_STRING must have an Endpoint that is a URL, got "${endpoint}"`,
    );
  }
  const url = new URL(full);
  const port = parts.get('port');
  if (port !== undefined) url.port = port;
  return url;
}

function shownParts(connectionString: string | undefined): string {
  if (connectionString === undefined || connectionString === '') return 'none';
  const names = connectionString.split(';').flatMap((part) => /^\s*(\w+)=./.exec(part)?.[1] ?? []);
  return names.length === 0 ? 'something without parts' : `only ${names.join(' and ')}`;
}

function hubOf(text: string | undefined): string {
  // What the service takes; the rest of its alphabet would have to be escaped in paths.
  if (text === undefined) return defaultPlace.hub;
  if (/^[A-Za-z][A-Za-z0-9_]{0,127}$/.test(text)) return text;
  throw wrong(`has hub=${text}`, 'use 1 to 128 of A-Z a-z 0-9 _ that begin with a letter');
}

function shardsOf(text: string | undefined): number {
  if (text === undefined) return defaultPlace.shards;
  const shards = Number(text);
  if (/^\d{1,4}$/.test(text) && shards >= 1 && shards <= shardsMax) return shards;
  throw wrong(`has shards=${text}`, `use 1 to ${shardsMax}, the same on every node`);
}

function wrong(what: string, remedy: string): BackplaneUnavailableError {
  return wrongUrl('Azure', what, remedy);
}
