/** The client: a connection, what is followed over it, and what is asked over it. */
import { Backoff } from './backoff.ts';
import { asListenerFailure, Channel, type ChannelSink } from './channel.ts';
import { json } from './codec.ts';
import { Connection, type ConnectionChange, type ConnectionOwner } from './connection.ts';
import type { ConnectionState } from './connection-states.ts';
import { Emitter, type Listener } from './emitter.ts';
import type { Environment } from './environment.ts';
import { TrunklineError } from './errors.ts';
import { EventSender, type EventOptions } from './event-sender.ts';
import { Group } from './group.ts';
import type { Host } from './host.ts';
import type { Link } from './link.ts';
import {
  addressOf,
  environmentOf,
  settingsOf,
  type ClientOptions,
  type Settings,
} from './options.ts';
import { Outbox } from './outbox.ts';
import { Publisher } from './publisher.ts';
import { Roster } from './roster.ts';
import type { AnyGroups, GroupNameOf, PayloadOf, ReservedPayloadOf } from './schema.ts';
import { Subscription } from './subscription.ts';
import { TokenSource } from './tokens.ts';
import { validatorOf, type Validators } from './validation.ts';
import { keyOf, type Destination, type GatewayFrame, type Position } from './wire.ts';

export interface ClientEvents {
  readonly state: ConnectionChange;
  /** What nobody else was told of: failures of `getToken`, of listeners, of joins. */
  readonly error: TrunklineError;
}

export interface GroupOptions {
  /** Go on after this place; for the first user of the group, otherwise ignored. */
  readonly since?: Position | undefined;
}

export class Client<Schema extends object = AnyGroups> {
  /** For further parts of this package. */
  readonly host: Host;
  readonly #environment: Environment;
  readonly #settings: Settings;
  readonly #validators: Validators;
  readonly #emitter = new Emitter<ClientEvents>((error) => this.#report(error));
  readonly #groups = new Map<string, unknown>();
  readonly #connection: Connection;
  readonly #outbox: Outbox;
  readonly #publisher: Publisher;
  readonly #events: EventSender;
  readonly #roster: Roster;
  readonly #user: Channel<ReservedPayloadOf<Schema, '@user'>>;
  readonly #hub: Channel<ReservedPayloadOf<Schema, '@hub'>>;

  /** @throws TrunklineError `bad-option`. */
  constructor(options: ClientOptions<Schema>) {
    const environment = environmentOf(options);
    const { codec = json } = options;
    const settings = settingsOf({ ...options });
    this.#environment = environment;
    this.#settings = settings;
    this.#validators = { ...options.validators };
    this.#outbox = new Outbox({
      clock: environment.clock,
      backoff: this.#newBackoff(),
      messagesMax: settings.queueMessagesMax,
      bytesMax: settings.queueBytesMax,
      sizeOf: (frame) => codec.encode(frame).length,
      timeoutMs: settings.requestTimeoutMs,
      onSettled: () => this.#follow(),
    });
    this.#roster = new Roster((key, link) => !this.#outbox.holds(key, link));
    this.host = {
      clock: environment.clock,
      roster: this.#roster,
      follow: () => this.#follow(),
      links: () => [this.#connection.current, this.#connection.next],
      newBackoff: () => this.#newBackoff(),
      report: (error) => this.#report(error),
    };
    this.#publisher = new Publisher({
      outbox: this.#outbox,
      validators: this.#validators,
      randomId: () => environment.randomId(),
      onOwn: (key, id, position) => this.#roster.get(key)?.noteOwn(id, position),
    });
    this.#events = new EventSender(this.#outbox, () => environment.randomId());
    this.#user = this.#channel({ to: 'user' }, this.#validators['@user']);
    this.#hub = this.#channel({ to: 'all' }, this.#validators['@hub']);
    this.#connection = new Connection({
      url: addressOf(options.url),
      codec,
      environment,
      tokens: new TokenSource({
        getToken: options.getToken,
        environment,
        waitMsMax: settings.connectTimeoutMs,
      }),
      owner: this.#connectionOwner(),
      openingMsMax: settings.connectTimeoutMs,
      backoffBaseMs: settings.backoffBaseMs,
      backoffCapMs: settings.backoffCapMs,
    });
    if (options.autoConnect !== false) this.connect();
  }

  get state(): ConnectionState {
    return this.#connection.state;
  }

  /** The gateway's id of the connection that serves; it begins with the id of its node. */
  get connectionId(): string | undefined {
    return this.#connection.current?.connectionId;
  }

  /**
   * Begins when it was not told to begin by itself or was closed; while it waits, tries at once.
   * @throws TrunklineError `bad-option` where there is no WebSocket.
   */
  connect(): void {
    // Where there is none, this throws at once, and not at each attempt.
    void this.#environment.WebSocket;
    this.#connection.connect();
  }

  /** Ends the connection and all that waits for it. What is followed goes on at the next `connect`. */
  close(): void {
    this.#connection.close();
  }

  /** Returns a function that takes the listener off. */
  on<Name extends keyof ClientEvents>(
    name: Name,
    listener: Listener<ClientEvents[Name]>,
  ): () => void {
    return this.#emitter.on(name, listener);
  }

  /** Joins; for the same name always the same object, until as many have left as have asked. */
  group<Name extends GroupNameOf<Schema>>(
    name: Name,
    { since }: GroupOptions = {},
  ): Group<PayloadOf<Schema, Name>> {
    type Own = Group<PayloadOf<Schema, Name>>;
    // A name has one payload type, so the group that is there is of it.
    const known = this.#groups.get(name) as Own | undefined;
    // One that was refused is done for: a new token may allow what the old one did not.
    if (known !== undefined && known.state !== 'left') return known.use();
    const channel: Channel<PayloadOf<Schema, Name>> = this.#channel(
      { group: name },
      validatorOf(this.#validators, name),
      since,
    );
    const group: Own = new Group({
      name,
      channel,
      publisher: this.#publisher,
      host: this.host,
      onLeft: () => {
        if (this.#groups.get(name) === group) this.#leave(name);
      },
    });
    this.#groups.set(name, group);
    this.#follow();
    return group.use();
  }

  /** Messages to the user of this connection, and to this connection alone. */
  user(): Channel<ReservedPayloadOf<Schema, '@user'>> {
    return this.#user;
  }

  /** Messages to all of the hub. */
  hub(): Channel<ReservedPayloadOf<Schema, '@hub'>> {
    return this.#hub;
  }

  /**
   * Sends an event to the application's backend; resolves when it was taken.
   * @throws TrunklineError; with `connection-lost` and `timeout` nobody knows what became of it.
   */
  send(event: string, data: unknown, options?: EventOptions): Promise<void> {
    return this.#events.send(event, data, options);
  }

  /** The same, and resolves with the backend's reply. @throws TrunklineError. */
  invoke(event: string, data: unknown, options?: EventOptions): Promise<unknown> {
    return this.#events.invoke(event, data, options);
  }

  #connectionOwner(): ConnectionOwner {
    return {
      onServed: (link, greeting, isNext) => {
        // What is published from now on must be known to the link on which its group is joined.
        if (isNext) this.#outbox.detach();
        this.#roster.follow(link, greeting);
        if (!isNext) this.#outbox.attach(link);
        this.#promote();
      },
      onMoved: (link) => {
        this.#roster.follow(link);
        this.#outbox.attach(link);
      },
      onFrame: (link, frame: GatewayFrame) => this.#roster.onFrame(link, frame),
      onLost: (link) => this.#onLost(link),
      onChange: (change) => this.#onChange(change),
      onError: (error) => this.#report(error),
    };
  }

  #onLost(link: Link): void {
    this.#roster.lose(link);
    const { current } = this.#connection;
    if (current === undefined) return this.#outbox.detach();
    // The next link is gone: all goes on over the one that serves.
    this.#roster.follow(current);
    this.#outbox.attach(current);
  }

  #onChange(change: ConnectionChange): void {
    if (change.state === 'closed') {
      const text = `The client is closed (${change.reason}): connect() begins again`;
      this.#outbox.fail(new TrunklineError('closed', text));
    }
    this.#emitter.emit('state', change);
  }

  #follow(): void {
    const link = this.#connection.next ?? this.#connection.current;
    if (link !== undefined) this.#roster.follow(link);
    this.#promote();
  }

  /** Leaves the old link when the next one has everything. */
  #promote(): void {
    const { next } = this.#connection;
    if (next !== undefined && this.#roster.isSettledOn(next)) this.#connection.promote();
  }

  #leave(name: string): void {
    const key = keyOf({ group: name });
    this.#groups.delete(name);
    this.#roster.get(key)?.leave();
    this.#roster.remove(key);
    for (const link of this.host.links()) link?.tell({ type: 'leaveGroup', group: name });
    this.#promote();
  }

  #channel<Payload>(
    destination: Destination,
    validator: Validators[string],
    since?: Position,
  ): Channel<Payload> {
    const subscribe = (sink: ChannelSink): Subscription => {
      const subscription = new Subscription({
        destination,
        since,
        clock: this.#environment.clock,
        backoff: this.#newBackoff(),
        owner: {
          ...sink,
          onError: (error) => this.#report(error),
          onSettled: () => this.#follow(),
        },
      });
      this.#roster.add(keyOf(destination), subscription);
      return subscription;
    };
    const { report } = this.host;
    return new Channel({ destination, outbox: this.#outbox, validator, report, subscribe });
  }

  #newBackoff(): Backoff {
    const { backoffBaseMs, backoffCapMs } = this.#settings;
    return new Backoff(this.#environment.random, backoffBaseMs, backoffCapMs);
  }

  #report(error: unknown): void {
    const failure = asListenerFailure(error);
    if (this.#emitter.has('error')) this.#emitter.emit('error', failure);
    // oxlint-disable-next-line no-console -- nobody listens, and nothing may be swallowed
    else console.error(failure);
  }
}

/** A client that connects at once, unless `autoConnect` is false. @throws TrunklineError. */
export function createClient<Schema extends object = AnyGroups>(
  options: ClientOptions<Schema>,
): Client<Schema> {
  return new Client(options);
}
