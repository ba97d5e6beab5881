/** A group that the application uses: the client is a member until the last user leaves. */
import type { Channel, ChannelEvents, HistoryOptions } from './channel.ts';
import type { Listener } from './emitter.ts';
import type { Host } from './host.ts';
import type { HistoryPage } from './messages.ts';
import type { Published, Publisher, PublishOptions } from './publisher.ts';
import type { SubscriptionState } from './subscription-states.ts';
import type { Position } from './wire.ts';

export interface GroupParts<Payload> {
  readonly name: string;
  readonly channel: Channel<Payload>;
  readonly publisher: Publisher;
  readonly host: Host;
  /** The last user has left. */
  readonly onLeft: () => void;
}

export class Group<Payload = unknown> {
  readonly #parts: GroupParts<Payload>;
  #users = 0;

  constructor(parts: GroupParts<Payload>) {
    this.#parts = parts;
  }

  get name(): string {
    return this.#parts.name;
  }

  /** For further parts of this package. */
  get host(): Host {
    return this.#parts.host;
  }

  get state(): SubscriptionState {
    return this.#parts.channel.state;
  }

  /** Everything up to here was given to the listeners; undefined: no stream, or not joined yet. */
  get position(): Position | undefined {
    return this.#parts.channel.position;
  }

  /** Returns a function that takes the listener off. What it throws goes to the client's `error`. */
  on<Name extends keyof ChannelEvents<Payload>>(
    name: Name,
    listener: Listener<ChannelEvents<Payload>[Name]>,
  ): () => void {
    return this.#parts.channel.on(name, listener);
  }

  /**
   * Resolves when the broker has accepted the message; sent again after a lost connection, with
   * the same id, so that it has one effect. Needs no membership.
   * @throws TrunklineError; with `timeout` it may have been accepted: call again with the same id.
   */
  publish(data: Payload, options?: PublishOptions): Promise<Published> {
    return this.#parts.publisher.publish(this.name, data, options);
  }

  /** Retained messages, oldest first unless `reverse`. @throws TrunklineError. */
  history(options?: HistoryOptions): Promise<HistoryPage<Payload>> {
    return this.#parts.channel.history(options);
  }

  /** One user fewer; without any, the client leaves, and this object has done its work. */
  leave(): void {
    if (this.#users === 0) return;
    this.#users -= 1;
    if (this.#users === 0) this.#parts.onLeft();
  }

  /** For the client: one user more. */
  use(): this {
    this.#users += 1;
    return this;
  }
}
