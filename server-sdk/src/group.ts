/** A group as a backend sees it. */
import { ServerChannel } from './channel.ts';
import type { ConnectionInfo, ListOptions } from './directory.ts';
import type { Destination, ExcludingMessageOptions } from './messages.ts';
import type { CallOptions } from './options.ts';
import type { NamedParts } from './parts.ts';
import type { Presence, PresenceCounts } from './presence.ts';

/** Every method @throws TrunklineError, or the reason of the signal. */
export class ServerGroup<Payload = unknown> extends ServerChannel<
  Payload,
  ExcludingMessageOptions
> {
  readonly name: string;
  readonly #parts: NamedParts;

  constructor(parts: NamedParts) {
    super(parts, { kind: 'group', name: parts.name });
    this.name = parts.name;
    this.#parts = parts;
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

  get #to(): Destination {
    return { kind: 'group', name: this.name };
  }
}
