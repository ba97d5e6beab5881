/** Reads the connection strings of Azure Web PubSub, which Trunkline's have the form of. */
import { TrunklineError } from './errors.ts';

/** @throws TrunklineError `bad-option`, which does not show the access key. */
export function parseConnectionString(text: string): {
  readonly endpoint: string;
  readonly accessKey: string;
} {
  const parts = new Map<string, string>();
  for (const part of text.split(';')) {
    const [name = '', ...value] = part.split('=');
    parts.set(name.trim().toLowerCase(), value.join('=').trim());
  }
  const [host, accessKey, port] = ['endpoint', 'accesskey', 'port'].map((name) => parts.get(name));
  if (host === undefined || host === '' || accessKey === undefined || accessKey === '') {
    const form = '"Endpoint=https://…;AccessKey=…;"';
    throw new TrunklineError('bad-option', `connectionString must have the form ${form}`);
  }
  const endpoint = /^https?:\/\//i.test(host) ? host : `https://${host}`;
  if (port === undefined) return { endpoint, accessKey };
  if (!URL.canParse(endpoint) || !/^\d{1,5}$/.test(port) || Number(port) > 65_535) {
    throw new TrunklineError('bad-option', `Port must be a number of a port, got "${port}"`);
  }
  const url = new URL(endpoint);
  url.port = port;
  return { endpoint: url.href, accessKey };
}
