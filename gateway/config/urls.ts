/** Reads the URLs among the settings, and shows URLs without the secrets in them. */

const endpointProtocols: ReadonlyMap<string, string> = new Map([
  ['http:', 'http:'],
  ['https:', 'https:'],
  ['ws:', 'http:'],
  ['wss:', 'https:'],
]);

/**
 * The http(s) origin and base path of a URL, without a slash at the end; undefined when the text is
 * not such a URL, or carries a user, a query or a fragment.
 */
export function normalizePublicEndpoint(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  const protocol = endpointProtocols.get(url.protocol);
  const isPlain = url.username + url.password + url.search + url.hash === '';
  if (protocol === undefined || !isPlain) return undefined;
  // `URL` drops the default port of ws and wss, too: they are those of http and https.
  return `${protocol}//${url.host}${url.pathname.replace(/\/+$/, '')}`;
}

/**
 * True for `scheme:rest`. Not left to `URL`, which refuses the lists of hosts with ports that
 * clusters are named by.
 */
export function isBackplaneUrl(text: string): boolean {
  return /^[a-z][a-z0-9+.-]{0,31}:[^\s]{0,4000}$/.test(text);
}

/**
 * Replaces user names, passwords and query strings of URLs by `***`. Rather too much than too
 * little: passwords may hold any character, and in a list all is taken up to the last `@`.
 */
export function maskUrlSecrets(text: string): string {
  return text.replace(/\/\/.*@/s, '//***@').replaceAll(/\?[^\s,"]+/g, '?***');
}

/** True when only this machine can reach what listens on the host. */
export function isLoopbackHost(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}
