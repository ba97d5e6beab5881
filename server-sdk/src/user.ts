/** A user as a backend sees it: all connections of one name. */
import { ServerChannel } from './channel.ts';
import type { Destination, FilteredMessageOptions } from './messages.ts';
import type { CallOptions } from './options.ts';
import type { NamedParts } from './parts.ts';

/** Every method @throws TrunklineError, or the reason of the signal. */
export class ServerUser<Payload = unknown> extends ServerChannel<Payload, FilteredMessageOptions> {
  readonly id: string;
  readonly #parts: NamedParts;

  constructor(parts: NamedParts) {
    super(parts, { kind: 'user', name: parts.name });
    this.id = parts.name;
    this.#parts = parts;
  }

  /** True: the user has a connection. */
  exists(options?: CallOptions): Promise<boolean> {
    return this.#parts.directory.exists(this.#to, options);
  }

  removeFromAllGroups(options?: CallOptions): Promise<void> {
    return this.#parts.directory.remove(['users', this.id, 'groups'], [], options);
  }

  get #to(): Destination {
    return { kind: 'user', name: this.id };
  }
}
