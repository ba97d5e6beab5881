/**
 * The door for clients: `/client/hubs/{hub}` and `/client/?hub=` (Azure §2). Finds out who wants
 * in, by which subprotocol, and whether they may.
 */
import { errorResponse, isInternal, responseToError } from '../error-response.ts';
import { GatewayError } from '../errors.ts';
import type { HubSettings } from '../config.ts';
import type { Codec } from '../protocol/codec.ts';
import type { Codecs } from '../protocol/codecs.ts';
import { isGroupName, isUserId, parseHub } from '../protocol/names.ts';
import { shown } from '../protocol/shown.ts';
import type { Permissions } from '../protocol/permissions.ts';
import type { HttpRequest, HttpResponse, UpgradeDecision } from '../transport/transport.ts';
import { bearerToken } from '../tokens/bearer.ts';
import type { ClientIdentity } from '../tokens/verify.ts';
import { isReliable } from './reliable/reliable-session.ts';
import type { ReliableSessions } from './reliable/reliable-sessions.ts';
import { Session } from './session.ts';
import { count } from './session-counters.ts';
import type { SessionServices } from './session-services.ts';

export interface ClientEndpointOptions {
  readonly services: SessionServices;
  readonly reliable: ReliableSessions;
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
      this.#checkOpen();
      const query = new URLSearchParams(request.query);
      const resumed = query.get('awps_connection_id');
      if (resumed !== null) return this.#resume(request, query, resumed);
      const hub = hubOf(request.path, query);
      const identity = this.#identify(request, query, hub);
      if (!(identity instanceof Promise)) return this.#admit(request, query, hub, identity);
      return identity
        .then((known) => this.#admit(request, query, hub, known))
        .catch((error: unknown) => this.#refuse(error));
    } catch (error) {
      return this.#refuse(error);
    }
  }

  /** Never refused by an HTTP status: clients would take that for "try again" (Azure §4). */
  #resume(request: HttpRequest, query: URLSearchParams, connectionId: string): UpgradeDecision {
    const offered = offeredSubprotocols(request);
    const selected = this.#options.codecs.selectSubprotocol(offered);
    const name = hubNameOf(request.path, query);
    const accept = this.#options.reliable.resume({
      connectionId,
      token: query.get('awps_reconnection_token') ?? '',
      hub: name === undefined ? undefined : parseHub(name),
      subprotocol: selected?.codec.subprotocol,
    });
    // A client that offers something wants it repeated, or does not even look at the close.
    return { accept, subprotocol: selected?.offered ?? offered[0]?.trim() };
  }

  #identify(
    request: HttpRequest,
    query: URLSearchParams,
    hub: string,
  ): ClientIdentity | Promise<ClientIdentity> {
    const token =
      query.get('access_token') ?? bearerToken(request.headers.get('authorization') ?? '');
    if (token !== undefined) return this.#options.services.verifyClient(token, hub);
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
    // Once more: the token's check may have taken its time.
    this.#checkOpen();
    const { newConnectionId, reliable, services } = this.#options;
    const permissions = services.permissionsFor(identity.roles);
    const { codec, subprotocol } = this.#codecFor(request, query, permissions);
    this.#checkNames(identity);
    const known = {
      hub: this.#interned(hub),
      connectionId: newConnectionId(),
      userId: identity.userId,
      groups: identity.groups,
      expiresAt: identity.expiresAt,
      permissions,
      codec,
    };
    const accept = isReliable(codec) ? reliable.open(known) : new Session(known, services);
    return { accept, subprotocol };
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
    const offered = offeredSubprotocols(request);
    if (offered.length === 0) {
      return { codec: this.#simpleCodecFor(request, query, permissions), subprotocol: undefined };
    }
    const { codecs } = this.#options;
    const selected = codecs.selectSubprotocol(offered);
    if (selected !== undefined) return { codec: selected.codec, subprotocol: selected.offered };
    throw new GatewayError(
      'bad-request',
      `None of the offered subprotocols is spoken here, got ${shown(offered.join(','))}; offer ${codecs.names.join(' or ')}, or none`,
    );
  }

  #simpleCodecFor(request: HttpRequest, query: URLSearchParams, permissions: Permissions): Codec {
    const mode = query.get('webpubsub_mode') ?? 'sendEvent';
    if (mode.toLowerCase() === 'sendevent') {
      return this.#options.codecs.simpleCodec({ mode: 'sendEvent' });
    }
    if (mode.toLowerCase() !== 'sendtogroup') {
      throw new GatewayError(
        'bad-request',
        `webpubsub_mode must be sendEvent or sendToGroup, got ${shown(mode)}; leave it out for sendEvent`,
      );
    }
    const group = query.get('group') ?? '';
    // URLSearchParams would make U+FFFD of it, and one group of two.
    if (decoded(request.query) === undefined) {
      throw new GatewayError(
        'bad-request',
        'The query has a bad percent-encoding; encode the name of the group as UTF-8',
      );
    }
    const { nameLengthMax } = this.#options.services.limits;
    if (!isGroupName(group, nameLengthMax)) {
      throw new GatewayError(
        'bad-request',
        `webpubsub_mode=sendToGroup needs the query parameter group: 1..${nameLengthMax} characters of valid Unicode, not only white space, got ${shown(group)}`,
      );
    }
    if (!permissions.allows('sendToGroup', group)) {
      throw new GatewayError(
        'forbidden',
        `The token does not allow to send to group ${shown(group)}; it needs the role webpubsub.sendToGroup or webpubsub.sendToGroup.<group>`,
      );
    }
    return this.#options.codecs.simpleCodec({ mode: 'sendToGroup', group });
  }

  #checkNames({ groups, userId }: ClientIdentity): void {
    const { groupsPerConnectionMax, nameLengthMax } = this.#options.services.limits;
    if (userId !== undefined && !isUserId(userId, nameLengthMax)) {
      throw new GatewayError(
        'bad-request',
        `The token's sub must be a user id of 1..${nameLengthMax} characters of valid Unicode, not only white space, got ${shown(userId)}`,
      );
    }
    if (groups.length > groupsPerConnectionMax) {
      throw new GatewayError(
        'too-many-groups',
        `The token names ${groups.length} groups; groupsPerConnectionMax allows ${groupsPerConnectionMax}; join the rest later, or issue fewer`,
      );
    }
    const badGroup = groups.find((group) => !isGroupName(group, nameLengthMax));
    if (badGroup !== undefined) {
      throw new GatewayError(
        'bad-request',
        `Each of the token's groups must have 1..${nameLengthMax} characters of valid Unicode, not only white space, got ${shown(badGroup)}`,
      );
    }
  }

  #checkOpen(): void {
    if (!this.#isClosed) return;
    throw new GatewayError('shutting-down', 'This node is going away; connect again');
  }

  #refuse(error: unknown): UpgradeDecision {
    const { counters, onError } = this.#options.services;
    if (isInternal(error)) onError(error);
    const response = responseToError(error);
    count(counters.refusals, response.status);
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

function offeredSubprotocols({ headers }: HttpRequest): readonly string[] {
  const offered = headers.get('sec-websocket-protocol') ?? '';
  return offered.split(',').filter((name) => name.trim() !== '');
}

function hubOf(path: string, query: URLSearchParams): string {
  const name = hubNameOf(path, query);
  const hub = name === undefined ? undefined : parseHub(name);
  if (hub !== undefined) return hub;
  throw new GatewayError(
    'bad-request',
    `The URL must be /client/hubs/{hub} or /client/?hub={hub}, got ${shown(name ?? path)}; a hub has 1..128 of A-Z a-z 0-9 _ \` , . [ ] and begins with a letter`,
  );
}

function hubNameOf(path: string, query: URLSearchParams): string | undefined {
  if (path.startsWith(hubsPrefix)) return decoded(path.slice(hubsPrefix.length).replace(/\/$/, ''));
  const isBare = path === pathPrefix || path === `${pathPrefix}/`;
  return isBare ? (query.get('hub') ?? undefined) : undefined;
}

/** undefined: it is not percent-encoded UTF-8. */
function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
