/** A user as a backend sees it: all connections of one name. */
import type { CloseManyOptions } from './directory.ts';
import type { HistoryOptions, HistoryPage, StreamInfo } from './history.ts';
import type { Destination, FilteredMessageOptions, PublishOptions, Published } from './messages.ts';
import type { CallOptions } from './options.ts';
import type { NamedParts } from './parts.ts';

/** Every method @throws TrunklineError, or the reason of the signal. */
export class ServerUser<Payload = unknown> {
  readonly id: string;
  readonly #parts: NamedParts;
  readonly #to: Destination;

  constructor(parts: NamedParts) {
    this.id = parts.name;
    this.#parts = parts;
    this.#to = { kind: 'user', name: parts.name };
  }

  /** Resolves when the broker has accepted it, whether the user is there to get it or not. */
  publish(data: Payload, options?: PublishOptions<FilteredMessageOptions>): Promise<Published> {
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

  /** True: the user has a connection. */
  exists(options?: CallOptions): Promise<boolean> {
    return this.#parts.directory.exists(this.#to, options);
  }

  removeFromAllGroups(options?: CallOptions): Promise<void> {
    return this.#parts.directory.remove(['users', this.id, 'groups'], [], options);
  }

  closeConnections(options?: CloseManyOptions): Promise<void> {
    return this.#parts.directory.closeMany(this.#to, options);
  }
}
