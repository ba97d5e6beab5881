/**
 * What one connection does with groups: joins, leaves and sends, each group's in the order in
 * which the client asked.
 */
import type { JoinGroup, LeaveGroup, SendToGroup } from '../protocol/model.ts';
import type { Subscriber } from '../router/ports.ts';
import { GroupChanges } from './group-changes.ts';
import { requirePermission } from './require-permission.ts';
import type { Connection, SessionServices } from './session-services.ts';

export interface GroupCommandsOptions {
  readonly connection: Connection;
  readonly subscriber: Subscriber;
  readonly services: Pick<SessionServices, 'publisher' | 'subscribers'>;
}

export class GroupCommands {
  readonly #options: GroupCommandsOptions;
  /** Made for the first join or leave. */
  #changes: GroupChanges | undefined;

  constructor(options: GroupCommandsOptions) {
    this.#options = options;
  }

  /** @throws GatewayError `forbidden`, or what the join fails with. */
  async change({ group, kind }: JoinGroup | LeaveGroup): Promise<void> {
    const { connection, services, subscriber } = this.#options;
    requirePermission(connection, 'joinLeaveGroup', group);
    this.#changes ??= new GroupChanges();
    await this.#changes.run(group, async () => {
      if (kind === 'joinGroup') await services.subscribers.join(subscriber, group);
      else services.subscribers.leave(subscriber, group);
    });
  }

  /**
   * The caller has seen to the permission.
   * @throws GatewayError: what the publish fails with.
   */
  async send(command: SendToGroup): Promise<void> {
    const { connection, services } = this.#options;
    const { connectionId, hub, userId } = connection;
    let { payload } = command;
    const change = this.#changes?.pending(command.group);
    if (change !== undefined) {
      // Who joins and sends without waiting for the ack gets its own message, too.
      payload = { ...payload, bytes: new Uint8Array(payload.bytes) };
      await change.catch(() => undefined);
    }
    await services.publisher.publish({
      hub,
      to: { kind: 'group', name: command.group },
      payload,
      metadata: command.metadata,
      sender: { connectionId, userId },
      noEcho: command.noEcho,
      ttlSeconds: command.ttlSeconds,
    });
  }
}
