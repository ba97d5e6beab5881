/** What groups, users and the hub have in common for a backend: messages, and what is retained. */
import type { CloseManyOptions } from './directory.ts';
import type { HistoryOptions, HistoryPage, StreamInfo } from './history.ts';
import type { Destination, MessageOptions, PublishOptions, Published } from './messages.ts';
import type { CallOptions } from './options.ts';
import type { NamedParts } from './parts.ts';

/** Every method @throws TrunklineError, or the reason of the signal. */
export class ServerChannel<Payload, Options extends MessageOptions> {
  readonly #parts: NamedParts;
  readonly #to: Destination;

  constructor(parts: NamedParts, to: Destination) {
    this.#parts = parts;
    this.#to = to;
  }

  /** Resolves when the broker has accepted it, whether anybody is there to get it or not. */
  publish(data: Payload, options?: PublishOptions<Options>): Promise<Published> {
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

  closeConnections(options?: CloseManyOptions): Promise<void> {
    return this.#parts.directory.closeMany(this.#to, options);
  }
}
