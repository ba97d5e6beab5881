/** What one connection asks of presence: to watch who is there, and to say something of itself. */
import { GatewayError } from '../errors.ts';
import type {
  PresenceDestination,
  SetState,
  UnwatchPresence,
  WatchPresence,
} from '../protocol/presence-model.ts';
import type { Subscriber } from '../router/ports.ts';
import type { Succeed } from './operations.ts';
import type { Connection, SessionServices } from './session-services.ts';

export interface PresenceCommandsOptions {
  readonly connection: Connection;
  readonly subscriber: Subscriber;
  readonly services: Pick<SessionServices, 'counters' | 'presence'>;
  /** Resolves when the joins and leaves of a group that were asked for before are done. */
  readonly changesOf: (group: string) => Promise<void>;
}

export class PresenceCommands {
  readonly #options: PresenceCommandsOptions;

  constructor(options: PresenceCommandsOptions) {
    this.#options = options;
  }

  /**
   * A watch is acknowledged before it tells who is there.
   * @throws GatewayError `forbidden`, `too-many-watches`; `bad-request`: it is not in the group, or
   *   says too much.
   */
  async execute(
    command: WatchPresence | UnwatchPresence | SetState,
    succeed: Succeed,
  ): Promise<void> {
    const { changesOf, services, subscriber } = this.#options;
    switch (command.kind) {
      case 'watchPresence':
        await this.#watch(command.to, succeed);
        break;
      case 'unwatchPresence':
        services.presence.unwatch(subscriber, command.to);
        break;
      case 'setState':
        await changesOf(command.group);
        services.presence.setState(subscriber, command.group, command.state);
        break;
    }
  }

  async #watch(to: PresenceDestination, succeed: Succeed): Promise<void> {
    const { changesOf, services, subscriber } = this.#options;
    if (to.kind === 'group') await changesOf(to.name);
    const isAllowed = (): boolean => this.#mayWatch(to);
    if (!isAllowed()) throw notAllowed(to);
    const start = await services.presence.watch({ subscriber, to, isAllowed });
    if (!isAllowed()) {
      services.presence.unwatch(subscriber, to);
      throw notAllowed(to);
    }
    succeed();
    start();
  }

  /** What the connection watches. */
  watched(): readonly PresenceDestination[] {
    const { services, subscriber } = this.#options;
    return services.presence.watched(subscriber);
  }

  /** Watches these although nobody asks now: another node has served the connection. */
  watchAgain(watched: readonly PresenceDestination[]): void {
    for (const to of watched) {
      // Where it may not any more, the client is not told, as with every watch that ends so.
      this.#watch(to, () => undefined).catch(() => {
        this.#options.services.counters.silentFailures += 1;
      });
    }
  }

  /** Everything that the connection watches is told again. */
  retell(): void {
    const { services, subscriber } = this.#options;
    services.presence.retell(subscriber);
  }

  /** The connection is over. */
  end(): void {
    const { services, subscriber } = this.#options;
    services.presence.forget(subscriber);
  }

  /** Who is in a group may see who else is; everything else needs a role. */
  #mayWatch(to: PresenceDestination): boolean {
    const { connection, subscriber } = this.#options;
    if (to.kind === 'all') return connection.permissions.allows('watchPresence', undefined);
    if (subscriber.isInGroup(to.name)) return true;
    return connection.permissions.allows('watchPresence', to.name);
  }
}

function notAllowed(to: PresenceDestination): GatewayError {
  const message =
    to.kind === 'all'
      ? 'The connection may not watch who is in the hub; its token needs the role trunkline.watchPresence'
      : `The connection may not watch who is in group '${to.name}'; join the group, or connect with the role trunkline.watchPresence.${to.name}`;
  return new GatewayError('forbidden', message);
}
