/**
 * What one connection does with groups: joins, leaves and sends, each group's in the order in
 * which the client asked.
 */
import type { JoinGroup, LeaveGroup, SendToGroup } from '../protocol/model.ts';
import { outcomeOfJoin } from './join-outcome.ts';
import type { Subscriber } from '../router/ports.ts';
import { GroupChanges } from './group-changes.ts';
import type { Succeed } from './operations.ts';
import { scopedPublicationId } from './publication-id.ts';
import { requirePermission } from './require-permission.ts';
import type { Connection, SessionServices } from './session-services.ts';

export interface GroupCommandsOptions {
  readonly connection: Connection;
  readonly subscriber: Subscriber;
  readonly services: Pick<SessionServices, 'presence' | 'publisher' | 'subscribers'>;
}

export class GroupCommands {
  readonly #options: GroupCommandsOptions;
  /** Made for the first join or leave. */
  #changes: GroupChanges | undefined;

  constructor(options: GroupCommandsOptions) {
    this.#options = options;
  }

  /** Joins or leaves. @throws GatewayError as `join` and `leave`. */
  change(command: JoinGroup | LeaveGroup, succeed: Succeed): Promise<void> {
    return command.kind === 'joinGroup' ? this.join(command, succeed) : this.leave(command);
  }

  /**
   * Acknowledges the join of a stream in the moment from which its messages flow.
   * @throws GatewayError `forbidden`; `bad-request`: it says too much of itself; or what the join
   *   fails with.
   */
  async join({ group, since, state }: JoinGroup, succeed: Succeed): Promise<void> {
    const { services, subscriber } = this.#options;
    services.presence.checkState(state);
    await this.#change(group, () =>
      services.subscribers.join(subscriber, group, {
        since,
        state,
        onJoined: (joined) => succeed(outcomeOfJoin(joined, since)),
      }),
    );
    // Who asked for what came since a place, and was not told more by now, has not got it.
    if (since !== undefined) succeed({ recovered: false });
  }

  /** @throws GatewayError `forbidden`. */
  async leave({ group }: LeaveGroup): Promise<void> {
    const { services, subscriber } = this.#options;
    await this.#change(group, async () => services.subscribers.leave(subscriber, group));
  }

  /**
   * The caller has seen to the permission; who waited for a join must still have it.
   * @throws GatewayError `bad-request`: the id is no good; or what the publish fails with.
   */
  async send(command: SendToGroup, succeed: Succeed): Promise<void> {
    const { connection, services } = this.#options;
    const { connectionId, hub, userId } = connection;
    const clientId = command.id;
    const id =
      clientId === undefined ? undefined : scopedPublicationId(connection, command.group, clientId);
    let { payload } = command;
    const change = this.#changes?.pending(command.group);
    if (change !== undefined) {
      // Who joins and sends without waiting for the ack gets its own message, too.
      payload = { ...payload, bytes: new Uint8Array(payload.bytes) };
      await change.catch(() => undefined);
      requirePermission(connection, 'sendToGroup', command.group);
    }
    const published = await services.publisher.publish({
      hub,
      to: { kind: 'group', name: command.group },
      payload,
      metadata: command.metadata,
      sender: { connectionId, userId },
      noEcho: command.noEcho,
      ttlSeconds: command.ttlSeconds,
      ...(id === undefined ? {} : { id }),
    });
    succeed({ id: published.id, position: published.position });
  }

  /** Resolves when what was asked of the group before is done, however it ended. */
  async settled(group: string): Promise<void> {
    await this.#changes?.pending(group)?.catch(() => undefined);
  }

  async #change(group: string, change: () => Promise<void>): Promise<void> {
    const { connection } = this.#options;
    requirePermission(connection, 'joinLeaveGroup', group);
    this.#changes ??= new GroupChanges();
    await this.#changes.run(group, async () => {
      // It may have waited for changes before it, and may not be allowed any more.
      requirePermission(connection, 'joinLeaveGroup', group);
      await change();
    });
  }
}
