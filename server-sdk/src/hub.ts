/** Everybody in the hub as a backend sees them. */
import { ServerChannel } from './channel.ts';
import type { ExcludingMessageOptions } from './messages.ts';
import type { CallOptions } from './options.ts';
import type { NamedParts } from './parts.ts';
import type { Presence, PresenceCounts } from './presence.ts';

const to = { kind: 'all' } as const;

/** Every method @throws TrunklineError, or the reason of the signal. */
export class ServerHub<Payload = unknown> extends ServerChannel<Payload, ExcludingMessageOptions> {
  readonly name: string;
  readonly #parts: NamedParts;

  constructor(parts: NamedParts) {
    super(parts, to);
    this.name = parts.name;
    this.#parts = parts;
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
}
