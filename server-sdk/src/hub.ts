/** Everybody in the hub as a backend sees them. */
import type { CloseManyOptions } from './directory.ts';
import type { HistoryOptions, HistoryPage, StreamInfo } from './history.ts';
import type { ExcludingMessageOptions, PublishOptions, Published } from './messages.ts';
import type { CallOptions } from './options.ts';
import type { NamedParts } from './parts.ts';
import type { Presence, PresenceCounts } from './presence.ts';

const to = { kind: 'all' } as const;

/** Every method @throws TrunklineError, or the reason of the signal. */
export class ServerHub<Payload = unknown> {
  readonly name: string;
  readonly #parts: NamedParts;

  constructor(parts: NamedParts) {
    this.name = parts.name;
    this.#parts = parts;
  }

  /** Resolves when the broker has accepted it, whether anybody is there to get it or not. */
  publish(data: Payload, options?: PublishOptions<ExcludingMessageOptions>): Promise<Published> {
    return this.#parts.publisher.publish(to, data, options);
  }

  /** Retained messages, page by page, oldest first unless `reverse`. */
  history(options?: HistoryOptions): AsyncGenerator<HistoryPage<Payload>, void, undefined> {
    const { streams, validator } = this.#parts;
    // The schema says so; where there is a validator, it has looked.
    return streams.history(to, validator, options) as ReturnType<typeof this.history>;
  }

  streamInfo(options?: CallOptions): Promise<StreamInfo> {
    return this.#parts.streams.info(to, options);
  }

  /** Drops what is retained. Positions go on: clients notice no other history. */
  purge(options?: CallOptions): Promise<void> {
    return this.#parts.streams.purge(to, options);
  }

  /** Who is online, over all nodes. */
  presence(options?: CallOptions): Promise<Presence> {
    return this.#parts.presence.read(to, options);
  }

  presenceCounts(options?: CallOptions): Promise<PresenceCounts> {
    return this.#parts.presence.count(to, options);
  }

  /** Adds the connections that the filter matches to each group. */
  addToGroups(groups: readonly string[], filter: string, options?: CallOptions): Promise<void> {
    return this.#parts.directory.match(':addToGroups', { groups, filter }, options);
  }

  removeFromGroups(
    groups: readonly string[],
    filter: string,
    options?: CallOptions,
  ): Promise<void> {
    return this.#parts.directory.match(':removeFromGroups', { groups, filter }, options);
  }

  closeConnections(options?: CloseManyOptions): Promise<void> {
    return this.#parts.directory.closeMany(to, options);
  }
}
