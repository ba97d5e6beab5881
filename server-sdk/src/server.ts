/** What a backend holds of a gateway: publishing, asking and deciding, and tokens for its clients. */
import { ServerConnection } from './connection.ts';
import { Directory } from './directory.ts';
import { runtime } from './environment.ts';
import { ServerGroup } from './group.ts';
import { Streams } from './history.ts';
import { ServerHub } from './hub.ts';
import type { BatchResult, ExcludingMessageOptions, MessageOptions } from './messages.ts';
import {
  accessOf,
  settingsOf,
  type Access,
  type CallOptions,
  type ServerOptions,
} from './options.ts';
import type { Parts } from './parts.ts';
import { PresenceReader } from './presence.ts';
import { Publisher, type Outgoing } from './publisher.ts';
import { Rest } from './rest.ts';
import type { AnyGroups, GroupNameOf, NamesOf, PayloadOf, ReservedPayloadOf } from './schema.ts';
import { TokenSigner } from './token.ts';
import { ServerUser } from './user.ts';
import { validatorOf, type Validators } from './validation.ts';

/** What a client may do; docs/PROTOCOL.md section 2 has the meaning of each. */
export type ClientRole =
  | `webpubsub.${'joinLeaveGroup' | 'sendToGroup'}`
  | `webpubsub.${'joinLeaveGroup' | 'sendToGroup' | 'joinLeaveGroups' | 'sendToGroups'}.${string}`
  | (string & Record<never, never>);

export interface ClientTokenOptions {
  /** Without it, the client has no user. */
  readonly userId?: string | undefined;
  readonly roles?: readonly ClientRole[] | undefined;
  /** Groups that it is a member of from the start. */
  readonly groups?: readonly string[] | undefined;
  /** Default 3,600,000: an hour. */
  readonly expiresInMs?: number | undefined;
}

/** A message of a batch to a group that the schema has. */
type GroupBatchMessage<Schema extends object> = {
  [Pattern in Exclude<keyof Schema & string, '@user' | '@hub'>]: ExcludingMessageOptions & {
    readonly group: NamesOf<Pattern>;
    readonly data: Schema[Pattern];
  };
}[Exclude<keyof Schema & string, '@user' | '@hub'>];

/** A message of a batch: to a `group`, a `user`, a `connection`, or to `all`. */
export type BatchMessage<Schema extends object = AnyGroups> =
  | GroupBatchMessage<Schema>
  | (ExcludingMessageOptions & {
      readonly user: string;
      readonly data: ReservedPayloadOf<Schema, '@user'>;
    })
  | (ExcludingMessageOptions & {
      readonly all: true;
      readonly data: ReservedPayloadOf<Schema, '@hub'>;
    })
  | (MessageOptions & { readonly connection: string; readonly data: unknown });

const tokenLifetimeMs = 3_600_000;

export class Server<Schema extends object = AnyGroups> {
  /** Everybody in the hub. */
  readonly all: ServerHub<ReservedPayloadOf<Schema, '@hub'>>;
  readonly #access: Access;
  readonly #validators: Validators;
  readonly #signer: TokenSigner;
  readonly #parts: Parts;

  /** @throws TrunklineError `bad-option`. */
  constructor(options: ServerOptions<Schema>) {
    const environment = { ...runtime, ...options.environment };
    const access = accessOf(options);
    const signer = new TokenSigner(access.accessKey, environment);
    const rest = new Rest({
      access,
      settings: settingsOf({ ...options }),
      environment,
      signer,
      fetch: options.fetch ?? ((url, init) => fetch(url, init)),
    });
    const validators: Validators = { ...options.validators };
    this.#access = access;
    this.#signer = signer;
    this.#validators = validators;
    this.#parts = {
      publisher: new Publisher(rest, validators, environment.randomId),
      streams: new Streams(rest),
      directory: new Directory(rest),
      presence: new PresenceReader(rest),
    };
    this.all = new ServerHub({
      ...this.#parts,
      name: access.hub,
      validator: validators['@hub'],
    });
  }

  /** What `@trunkline/client` takes as `url`. */
  get clientUrl(): string {
    const { endpoint, hub } = this.#access;
    return `${endpoint.replace(/^http/, 'ws')}/client/hubs/${hub}`;
  }

  group<Name extends GroupNameOf<Schema>>(name: Name): ServerGroup<PayloadOf<Schema, Name>> {
    const validator = validatorOf(this.#validators, name);
    return new ServerGroup({ ...this.#parts, name, validator });
  }

  user(id: string): ServerUser<ReservedPayloadOf<Schema, '@user'>> {
    return new ServerUser({ ...this.#parts, name: id, validator: this.#validators['@user'] });
  }

  connection(id: string): ServerConnection {
    return new ServerConnection({ ...this.#parts, name: id });
  }

  /**
   * Publishes many messages by one request, those to one destination in their order. The results
   * are in the order of the messages; one that failed leaves the others alone.
   * @throws TrunklineError: nothing is known of any of them, or a payload is invalid.
   */
  batch(
    messages: readonly BatchMessage<Schema>[],
    options?: CallOptions,
  ): Promise<readonly BatchResult[]> {
    return this.#parts.publisher.batch(messages.map(outgoing), options);
  }

  /** A token with which a client may connect to the hub. It is signed here, without a request. */
  clientToken(options: ClientTokenOptions = {}): Promise<string> {
    const { expiresInMs = tokenLifetimeMs, groups, roles, userId } = options;
    const { endpoint, hub } = this.#access;
    return this.#signer.sign(
      {
        aud: `${endpoint}/client/hubs/${hub}`,
        sub: userId === '' ? undefined : userId,
        role: roles,
        'webpubsub.group': groups,
      },
      expiresInMs,
    );
  }

  /** `clientUrl` with a token in it, for clients that want no other. Not for logs. */
  async clientAccessUrl(options?: ClientTokenOptions): Promise<string> {
    return `${this.clientUrl}?access_token=${await this.clientToken(options)}`;
  }
}

function outgoing(message: BatchMessage): Outgoing {
  if ('group' in message) return { ...message, to: { kind: 'group', name: message.group } };
  if ('user' in message) return { ...message, to: { kind: 'user', name: message.user } };
  if ('all' in message) return { ...message, to: { kind: 'all' } };
  return { ...message, to: { kind: 'connection', name: message.connection } };
}

/** @throws TrunklineError `bad-option`. */
export function createServer<Schema extends object = AnyGroups>(
  options: ServerOptions<Schema>,
): Server<Schema> {
  return new Server(options);
}
