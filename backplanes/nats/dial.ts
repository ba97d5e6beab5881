/** Makes one connection to one NATS server, or says in words why there is none. */
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import {
  connect,
  credsAuthenticator,
  errors,
  nkeyAuthenticator,
  type Authenticator,
  type NatsConnection,
  type NodeConnectionOptions,
} from '@nats-io/transport-node';
import { knock } from './knock.ts';
import { addressText, type NatsAddress, type NatsIdentity, type NatsUrl } from './nats-url.ts';
import type { NatsSettings } from './settings.ts';

export interface DialOptions {
  readonly url: NatsUrl;
  readonly settings: NatsSettings;
  readonly signal: AbortSignal;
}

/** Why a server could not be used. */
export interface DialFailure {
  readonly server: string;
  readonly reason: string;
  /** True: trying again without a change of settings is of no use. */
  readonly isRefusal: boolean;
}

export type DialResult =
  | { readonly connection: NatsConnection; readonly failure?: never }
  | { readonly connection?: never; readonly failure: DialFailure };

/** Never throws. The connection does not reconnect by itself: one connection, one life. */
export async function dial(address: NatsAddress, options: DialOptions): Promise<DialResult> {
  const { settings, signal, url } = options;
  try {
    await knock(address, {
      timeoutMs: settings.connectTimeoutMs,
      awaitsGreeting: url.tls?.handshakeFirst !== true,
      signal,
    });
    const connection = await connect(await connectionOptions(address, options));
    return { connection };
  } catch (error) {
    return { failure: { server: addressText(address), ...explain(error) } };
  }
}

async function connectionOptions(
  address: NatsAddress,
  { settings, url }: DialOptions,
): Promise<NodeConnectionOptions> {
  const { password, token, user } = url.identity;
  const authenticator = await authenticatorOf(url.identity);
  const tls = await tlsOptions(address, url);
  return {
    servers: addressText(address),
    name: 'trunkline',
    reconnect: false,
    // Node.js tries the addresses of a name by itself.
    resolve: false,
    timeout: settings.connectTimeoutMs,
    pingInterval: 5000,
    maxPingOut: 2,
    noAsyncTraces: true,
    ...(user === undefined ? {} : { user, pass: password ?? '' }),
    ...(token === undefined ? {} : { token }),
    ...(authenticator === undefined ? {} : { authenticator }),
    ...(tls === undefined ? {} : { tls }),
  };
}

/** Files are read for every connection, so that credentials can be replaced under way. */
async function authenticatorOf(identity: NatsIdentity): Promise<Authenticator | undefined> {
  const { credentialsFile, nkeyFile } = identity;
  if (credentialsFile !== undefined) return credsAuthenticator(await readFile(credentialsFile));
  if (nkeyFile === undefined) return undefined;
  const seed = (await readFile(nkeyFile, 'utf8')).trim();
  return nkeyAuthenticator(Buffer.from(seed));
}

/** Files are read for every connection here, too: certificates are renewed under way. */
async function tlsOptions(
  address: NatsAddress,
  url: NatsUrl,
): Promise<NodeConnectionOptions['tls']> {
  if (url.tls === undefined) return undefined;
  const { caFile, certFile, handshakeFirst, keyFile } = url.tls;
  // Servers that the cluster told of come as addresses; certificates rather hold the name.
  const name = url.servers.find(({ host }) => isIP(host) === 0)?.host;
  const tls = {
    ...(caFile === undefined ? {} : { ca: await readFile(caFile, 'utf8') }),
    ...(certFile === undefined ? {} : { cert: await readFile(certFile, 'utf8') }),
    ...(keyFile === undefined ? {} : { key: await readFile(keyFile, 'utf8') }),
    ...(handshakeFirst ? { handshakeFirst } : {}),
    ...(name === undefined || isIP(address.host) === 0 ? {} : { servername: name }),
  };
  return tls;
}

const wordsForCodes: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused; is the server running there?',
  ENOTFOUND: 'no such host; check the name',
  EAI_AGAIN: 'the name cannot be resolved now',
  ECONNRESET: 'the connection was reset',
  ENOENT: 'a file of the URL does not exist',
  EACCES: 'a file of the URL cannot be read',
};

function explain(error: unknown): Pick<DialFailure, 'reason' | 'isRefusal'> {
  if (
    error instanceof errors.AuthorizationError ||
    error instanceof errors.UserAuthenticationExpiredError
  ) {
    return {
      reason: `authentication was refused (${error.message}); check user, password, token, credentials or nkey`,
      isRefusal: true,
    };
  }
  const detail = error instanceof Error ? error.message : String(error);
  const code = codeOf(error);
  if (/'tls'|tls.*not available/i.test(detail)) {
    return { reason: 'the server has no TLS; begin the URL with nats://', isRefusal: true };
  }
  if (/CERT|TLS|SSL|ALTNAME|ISSUER/.test(code ?? '')) {
    return { reason: `TLS failed (${detail}); check ca, cert and key`, isRefusal: true };
  }
  const words = code === undefined ? undefined : wordsForCodes[code];
  if (code === 'ENOENT' || code === 'EACCES')
    return { reason: `${words} (${detail})`, isRefusal: true };
  return { reason: words ?? detail, isRefusal: false };
}

/** The code of the error or of what caused it. */
function codeOf(error: unknown): string | undefined {
  for (let each = error; each instanceof Error; each = each.cause) {
    if ('code' in each && typeof each.code === 'string') return each.code;
  }
  return undefined;
}
