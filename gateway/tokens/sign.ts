/** Makes tokens that the gateway and Azure Web PubSub accept: HS256 over the access key. */
import { createSigner } from 'fast-jwt';

export interface ClientTokenOptions {
  /** Its UTF-8 bytes are the key; it is not base64-decoded. */
  readonly accessKey: string;
  /** http(s) URL by which clients know the gateway, with its base path where there is one. */
  readonly endpoint: string;
  readonly hub: string;
  /** Absent or empty: an anonymous client. */
  readonly userId?: string | undefined;
  readonly roles?: readonly string[] | undefined;
  /** Groups that the client is a member of from the start. */
  readonly groups?: readonly string[] | undefined;
  /** Default 60. */
  readonly minutesToExpire?: number | undefined;
  /** Time of issue in seconds since 1970; default: now. */
  readonly nowSeconds?: number | undefined;
}

export interface ServerTokenOptions {
  readonly accessKey: string;
  /** The whole URL of the request as it will be sent, query included. */
  readonly url: string;
  /** Default 60. */
  readonly minutesToExpire?: number | undefined;
  /** Time of issue in seconds since 1970; default: now. */
  readonly nowSeconds?: number | undefined;
}

const defaultMinutesToExpire = 60;

/** A token with which a client may connect to a hub; claims as the Azure SDKs make them. */
export function signClientToken(options: ClientTokenOptions): string {
  return sign(options, {
    aud: `${httpEndpoint(options.endpoint)}/client/hubs/${options.hub}`,
    sub: options.userId === '' ? undefined : options.userId,
    role: options.roles,
    'webpubsub.group': options.groups,
  });
}

/** A token for one request to the REST API. */
export function signServerToken(options: ServerTokenOptions): string {
  return sign(options, { aud: options.url });
}

/** The ws(s) URL with which a client connects. It carries the token: not for logs. */
export function clientUrl(endpoint: string, hub: string, token: string): string {
  const webSocketEndpoint = httpEndpoint(endpoint).replace(/^http/, 'ws');
  return `${webSocketEndpoint}/client/hubs/${hub}?access_token=${token}`;
}

function sign(
  options: Pick<ServerTokenOptions, 'accessKey' | 'minutesToExpire' | 'nowSeconds'>,
  claims: Readonly<Record<string, unknown>>,
): string {
  const iat = Math.floor(options.nowSeconds ?? Date.now() / 1000);
  const exp = iat + Math.round((options.minutesToExpire ?? defaultMinutesToExpire) * 60);
  const signer = createSigner({ key: Buffer.from(options.accessKey), algorithm: 'HS256' });
  // JSON leaves out the undefined claims.
  return signer({ ...claims, iat, exp });
}

function httpEndpoint(endpoint: string): string {
  return endpoint.replace(/^ws/i, 'http').replace(/\/+$/, '');
}
