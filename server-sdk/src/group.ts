/** A group as a backend sees it. */
import type { CloseManyOptions, ConnectionInfo, ListOptions } from './directory.ts';
import type { HistoryOptions, HistoryPage, StreamInfo } from './history.ts';
import type {
  Destination,
  ExcludingMessageOptions,
  PublishOptions,
  Published,
} from './messages.ts';
import type { CallOptions } from './options.ts';
import type { NamedParts } from './parts.ts';
import type { Presence, PresenceCounts } from './presence.ts';

/** Every method @throws TrunklineError, or the reason of the signal. */
export class ServerGroup<Payload = unknown> {
  readonly name: string;
  readonly #parts: NamedParts;
  readonly #to: Destination;

  constructor(parts: NamedParts) {
    this.name = parts.name;
    this.#parts = parts;
    this.#to = { kind: 'group', name: parts.name };
  }

  /** Resolves when the broker has accepted it, whether anybody is there to get it or not. */
  publish(data: Payload, options?: PublishOptions<ExcludingMessageOptions>): Promise<Published> {
    return this.#parts.publisher.publish(this.#to, data, options);
  }

  /** Retained messages, page by page, oldest first unless `reverse`. */
  history(options?: HistoryOptions): AsyncGenerator<HistoryPage<Payload>, void, undefined> {
    const { streams, validator } = this.#parts;
    // The schema says so; where there is a validator, it has looked.
    return streams.history(this.#to, validator, options) as ReturnType<typeof this.history>;
  }

  streamInfo(options?: CallOptions): Promise<StreamInfo> {
    return this.#parts.streams.info(this.#to, options);
  }

  /** Drops what is retained. Positions go on: clients notice no other history. */
  purge(options?: CallOptions): Promise<void> {
    return this.#parts.streams.purge(this.#to, options);
  }

  /** Who is in it, over all nodes. */
  presence(options?: CallOptions): Promise<Presence> {
    return this.#parts.presence.read(this.#to, options);
  }

  presenceCounts(options?: CallOptions): Promise<PresenceCounts> {
    return this.#parts.presence.count(this.#to, options);
  }

  /** True: it has a connection. */
  exists(options?: CallOptions): Promise<boolean> {
    return this.#parts.directory.exists(this.#to, options);
  }

  /** Each connection; `for await` reads on when it is asked for more. */
  connections(options?: ListOptions): AsyncGenerator<ConnectionInfo, void, undefined> {
    return this.#parts.directory.list(this.name, options);
  }

  /** Adds the present connections of the user. False: there are none. */
  addUser(userId: string, options?: CallOptions): Promise<boolean> {
    return this.#parts.directory.put(['users', userId, 'groups', this.name], [], options);
  }

  removeUser(userId: string, options?: CallOptions): Promise<void> {
    return this.#parts.directory.remove(['users', userId, 'groups', this.name], [], options);
  }

  /** False: there is no such connection. */
  addConnection(connectionId: string, options?: CallOptions): Promise<boolean> {
    const path = ['groups', this.name, 'connections', connectionId];
    return this.#parts.directory.put(path, [], options);
  }

  removeConnection(connectionId: string, options?: CallOptions): Promise<void> {
    const path = ['groups', this.name, 'connections', connectionId];
    return this.#parts.directory.remove(path, [], options);
  }

  closeConnections(options?: CloseManyOptions): Promise<void> {
    return this.#parts.directory.closeMany(this.#to, options);
  }
}
