/** One connection as a backend sees it. */
import type { CloseOptions, Permission } from './directory.ts';
import type { Destination, MessageOptions, PublishOptions, Published } from './messages.ts';
import type { CallOptions } from './options.ts';
import type { NamedParts } from './parts.ts';

/** Every method @throws TrunklineError, or the reason of the signal. */
export class ServerConnection {
  readonly id: string;
  readonly #parts: NamedParts;
  readonly #to: Destination;

  constructor(parts: NamedParts) {
    this.id = parts.name;
    this.#parts = parts;
    this.#to = { kind: 'connection', name: parts.name };
  }

  /** Resolves when the broker has accepted it, whether the connection is there or not. */
  publish(data: unknown, options?: PublishOptions<MessageOptions>): Promise<Published> {
    return this.#parts.publisher.publish(this.#to, data, options);
  }

  exists(options?: CallOptions): Promise<boolean> {
    return this.#parts.directory.exists(this.#to, options);
  }

  /** Nothing happens where it is closed already. */
  close(options: CloseOptions = {}): Promise<void> {
    const query = [['reason', options.reason] as const];
    return this.#parts.directory.remove(['connections', this.id], query, options);
  }

  removeFromAllGroups(options?: CallOptions): Promise<void> {
    return this.#parts.directory.remove(['connections', this.id, 'groups'], [], options);
  }

  /** Without `group`, for all groups. False: there is no such connection. */
  grant(permission: Permission, group?: string, options?: CallOptions): Promise<boolean> {
    return this.#parts.directory.put(this.#path(permission), [['targetName', group]], options);
  }

  revoke(permission: Permission, group?: string, options?: CallOptions): Promise<void> {
    return this.#parts.directory.remove(this.#path(permission), [['targetName', group]], options);
  }

  may(permission: Permission, group?: string, options?: CallOptions): Promise<boolean> {
    return this.#parts.directory.has(this.#path(permission), [['targetName', group]], options);
  }

  #path(permission: Permission): readonly string[] {
    return ['permissions', permission, 'connections', this.id];
  }
}
