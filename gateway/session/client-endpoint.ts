/**
 * The door for clients: `/client/hubs/{hub}` and `/client/?hub=` (Azure §2). Finds out who wants
 * in, by which subprotocol, and whether they may.
 */
import { errorResponse, responseToError } from '../error-response.ts';
import { GatewayError } from '../errors.ts';
import type { HubSettings } from '../config.ts';
import type { Codec } from '../protocol/codec.ts';
import type { Codecs } from '../protocol/codecs.ts';
import { isGroupName, isUserId, parseHub } from '../protocol/names.ts';
import type { Permissions } from '../protocol/permissions.ts';
import type { HttpRequest, HttpResponse, UpgradeDecision } from '../transport/transport.ts';
import { bearerToken } from '../tokens/bearer.ts';
import type { ClientIdentity } from '../tokens/verify.ts';
import { Session, type SessionServices } from './session.ts';
import { count } from './session-counters.ts';

export interface ClientEndpointOptions {
  readonly services: SessionServices;
  readonly verifyClient: (token: string, hub: string) => ClientIdentity | Promise<ClientIdentity>;
  readonly permissionsFor: (roles: readonly string[]) => Permissions;
  readonly codecs: Codecs;
  /** Settings of a hub by its folded name. */
  readonly hubSettings: (hub: string) => HubSettings;
  readonly newConnectionId: () => string;
}

const pathPrefix = '/client';
/** Hubs are a small fixed set by design; this bounds what a careless backend can make of it. */
const internedHubsMax = 1000;
const hubsPrefix = '/client/hubs/';

const nobody: ClientIdentity = {
  userId: undefined,
  roles: [],
  groups: [],
  expiresAt: Number.POSITIVE_INFINITY,
};

export class ClientEndpoint {
  readonly #options: ClientEndpointOptions;
  readonly #hubs = new Map<string, string>();
  #isClosed = false;

  constructor(options: ClientEndpointOptions) {
    this.#options = options;
  }

  /** True for the paths of this endpoint, whatever stands behind them. */
  static serves(path: string): boolean {
    return path === pathPrefix || path.startsWith(`${pathPrefix}/`);
  }

  /** From now on every upgrade is refused. */
  close(): void {
    this.#isClosed = true;
  }

  /** Synchronous unless the token is of an issuer whose keys are fetched. Never throws. */
  onUpgrade(request: HttpRequest): UpgradeDecision | Promise<UpgradeDecision> {
    try {
      if (this.#isClosed) throw new GatewayError('shutting-down', 'This node is going away');
      const query = new URLSearchParams(request.query);
      const hub = hubOf(request.path, query);
      const identity = this.#identify(request, query, hub);
      if (!(identity instanceof Promise)) return this.#admit(request, query, hub, identity);
      return identity
        .then((known) => this.#admit(request, query, hub, known))
        .catch((error: unknown) => this.#refuse(responseToError(error)));
    } catch (error) {
      return this.#refuse(responseToError(error));
    }
  }

  #identify(
    request: HttpRequest,
    query: URLSearchParams,
    hub: string,
  ): ClientIdentity | Promise<ClientIdentity> {
    const token =
      query.get('access_token') ?? bearerToken(request.headers.get('authorization') ?? '');
    if (token !== undefined) return this.#options.verifyClient(token, hub);
    if (this.#options.hubSettings(hub).anonymous) return nobody;
    throw new GatewayError(
      'bad-token',
      `Hub '${hub}' takes no anonymous clients: give a token in the query parameter access_token or the header Authorization: Bearer`,
    );
  }

  #admit(
    request: HttpRequest,
    query: URLSearchParams,
    hub: string,
    identity: ClientIdentity,
  ): UpgradeDecision {
    const { newConnectionId, permissionsFor, services } = this.#options;
    const permissions = permissionsFor(identity.roles);
    const { codec, subprotocol } = this.#codecFor(request, query, permissions);
    this.#checkNames(identity);
    const session = new Session(
      {
        hub: this.#interned(hub),
        connectionId: newConnectionId(),
        userId: identity.userId,
        groups: identity.groups,
        permissions,
        codec,
      },
      services,
    );
    return { accept: session, subprotocol };
  }

  /** The same string for all connections of a hub: each request brings one of its own. */
  #interned(hub: string): string {
    const known = this.#hubs.get(hub);
    if (known !== undefined) return known;
    if (this.#hubs.size < internedHubsMax) this.#hubs.set(hub, hub);
    return hub;
  }

  #codecFor(
    request: HttpRequest,
    query: URLSearchParams,
    permissions: Permissions,
  ): { readonly codec: Codec; readonly subprotocol: string | undefined } {
    const offered = (request.headers.get('sec-websocket-protocol') ?? '')
      .split(',')
      .filter((name) => name.trim() !== '');
    if (offered.length === 0) {
      return { codec: this.#simpleCodecFor(query, permissions), subprotocol: undefined };
    }
    const { codecs } = this.#options;
    const selected = codecs.selectSubprotocol(offered);
    if (selected !== undefined) return { codec: selected.codec, subprotocol: selected.offered };
    throw new GatewayError(
      'bad-request',
      `None of the offered subprotocols is spoken here; offer ${codecs.names.join(' or ')}, or none`,
    );
  }

  #simpleCodecFor(query: URLSearchParams, permissions: Permissions): Codec {
    const mode = query.get('webpubsub_mode') ?? 'sendEvent';
    if (mode.toLowerCase() === 'sendevent')
      return this.#options.codecs.simpleCodec({ mode: 'sendEvent' });
    if (mode.toLowerCase() !== 'sendtogroup') {
      throw new GatewayError(
        'bad-request',
        'webpubsub_mode must be sendEvent or sendToGroup; leave it out for sendEvent',
      );
    }
    const group = query.get('group') ?? '';
    if (!isGroupName(group, this.#options.services.limits.nameLengthMax)) {
      throw new GatewayError(
        'bad-request',
        'webpubsub_mode=sendToGroup needs one query parameter group with the name of the group',
      );
    }
    if (!permissions.allows('sendToGroup', group)) {
      throw new GatewayError(
        'forbidden',
        `The token does not allow to send to group '${group}'; it needs the role webpubsub.sendToGroup`,
      );
    }
    return this.#options.codecs.simpleCodec({ mode: 'sendToGroup', group });
  }

  #checkNames({ groups, userId }: ClientIdentity): void {
    const { groupsPerConnectionMax, nameLengthMax } = this.#options.services.limits;
    if (userId !== undefined && !isUserId(userId, nameLengthMax)) {
      throw new GatewayError(
        'bad-request',
        `The token's sub must be a user id of 1..${nameLengthMax} characters of valid Unicode, not only white space`,
      );
    }
    if (groups.length > groupsPerConnectionMax) {
      throw new GatewayError(
        'too-many-groups',
        `The token names ${groups.length} groups; groupsPerConnectionMax allows ${groupsPerConnectionMax}`,
      );
    }
    if (!groups.every((group) => isGroupName(group, nameLengthMax))) {
      throw new GatewayError(
        'bad-request',
        `Each of the token's groups must have 1..${nameLengthMax} characters of valid Unicode, not only white space`,
      );
    }
  }

  #refuse(response: HttpResponse): UpgradeDecision {
    count(this.#options.services.counters.refusals, response.status);
    return { reject: response };
  }
}

/** A plain request where a WebSocket is due. */
export function notAWebSocket(): HttpResponse {
  return errorResponse(
    'bad-request',
    'This is the WebSocket endpoint for clients: connect with ws:// or wss://, or with an upgrade request',
  );
}

function hubOf(path: string, query: URLSearchParams): string {
  const name = path.startsWith(hubsPrefix)
    ? decoded(path.slice(hubsPrefix.length).replace(/\/$/, ''))
    : isBare(path)
      ? query.get('hub')
      : null;
  const hub = name === null ? undefined : parseHub(name);
  if (hub !== undefined) return hub;
  throw new GatewayError(
    'bad-request',
    'The URL must be /client/hubs/{hub} or /client/?hub={hub}; a hub has 1..128 of A-Z a-z 0-9 _ ` , . [ ] and begins with a letter',
  );
}

function isBare(path: string): boolean {
  return path === pathPrefix || path === `${pathPrefix}/`;
}

function decoded(segment: string): string | null {
  try {
    return decodeURIComponent(segment);
  } catch {
    // Not percent-encoded text: no hub has such a name.
    return null;
  }
}
