/** What one connection asks of retained messages: to begin again at a place, and to read them. */
import { GatewayError } from '../errors.ts';
import type { Frame } from '../protocol/codec.ts';
import type { HistoryReply, OwnDestination, ReadHistory, Resume } from '../protocol/model.ts';
import type { Destination, Subscriber } from '../router/ports.ts';
import { GroupChanges } from './group-changes.ts';
import { outcomeOfJoin } from './join-outcome.ts';
import type { Succeed } from './operations.ts';
import { requirePermission } from './require-permission.ts';
import type { Connection, SessionServices } from './session-services.ts';

export interface RetainedCommandsOptions {
  readonly connection: Connection;
  readonly subscriber: Subscriber;
  readonly services: Pick<SessionServices, 'limits' | 'streams' | 'subscribers'>;
  /** Does nothing once the connection closes. */
  readonly send: (frame: Frame) => void;
}

export class RetainedCommands {
  readonly #options: RetainedCommandsOptions;
  /** Resumes of one destination happen in the order in which they were asked for. */
  readonly #resumes = new GroupChanges();
  /** Settles when the last history so far is answered and the client has taken the answer. */
  #lastRead: Promise<void> = Promise.resolve();
  #onDrained: (() => void) | undefined;

  constructor(options: RetainedCommandsOptions) {
    this.#options = options;
  }

  /**
   * Acknowledges in the moment from which the messages flow.
   * @throws GatewayError `bad-request`: there is no user; or what the resume fails with.
   */
  async resume({ since, to }: Resume, succeed: Succeed): Promise<void> {
    const { connection, services, subscriber } = this.#options;
    if (to === 'user') userOf(connection);
    await this.#resumes.run(to, () =>
      services.subscribers.resume(subscriber, to, {
        since,
        onJoined: (joined) => succeed(outcomeOfJoin(joined, since)),
      }),
    );
    // Not told more by now, it has not got what it asked for.
    succeed({ recovered: false });
  }

  /**
   * Sends the history as a reply of its own. One is read at a time, and the next when the client has
   * taken this one: together they would be more than the socket's buffer may hold.
   * @throws GatewayError `forbidden`, `bad-request`: there is no user; or what the read fails with.
   */
  history(command: ReadHistory): Promise<void> {
    const read = this.#lastRead.then(() => this.#read(command));
    this.#lastRead = read.then(
      () => this.#drained(),
      () => undefined,
    );
    return read;
  }

  /** The socket took something; an answer may be what it took. */
  onDrain(): void {
    if (this.#options.subscriber.socket.bufferedBytes() > 0) return;
    const onDrained = this.#onDrained;
    this.#onDrained = undefined;
    onDrained?.();
  }

  #drained(): Promise<void> | undefined {
    if (this.#options.subscriber.socket.bufferedBytes() === 0) return undefined;
    return new Promise((resolve) => {
      this.#onDrained = resolve;
    });
  }

  async #read(command: ReadHistory): Promise<void> {
    const { connection, services, subscriber } = this.#options;
    // It waited, and nobody wants the answer any more.
    if (!subscriber.socket.isOpen) return;
    const { ackId, after, before, limit, reverse, to } = command;
    const history = await services.streams.history(connection.hub, this.#readable(to), {
      after,
      before,
      limit: Math.min(limit, services.limits.historyLimitMax),
      reverse,
      reader: subscriber,
    });
    // Who was put out of the group while it was read does not get it any more.
    this.#readable(to);
    if (subscriber.socket.isOpen) this.#send({ kind: 'history', ackId, to, ...history });
  }

  /** The destination, if the connection may read it. */
  #readable(to: OwnDestination): Exclude<Destination, { kind: 'connection' }> {
    const { connection, subscriber } = this.#options;
    switch (to.kind) {
      case 'all':
        return { kind: 'all' };
      case 'user':
        return { kind: 'user', name: userOf(connection) };
      case 'group':
        if (!subscriber.isInGroup(to.name))
          requirePermission(connection, 'joinLeaveGroup', to.name);
        return to;
    }
  }

  /** Leaves out what does not fit into one frame: the socket could not take it. */
  #send(whole: HistoryReply): void {
    const { send, services, subscriber } = this.#options;
    const { frameBytesMax } = services.limits;
    let reply = cutTo(whole, countWithin(whole, frameBytesMax));
    let frame = subscriber.codec.encoder.encodeReply(reply);
    // How much longer the encoding makes the payloads is seen only when it is done.
    while (frame !== undefined && frame.bytes.length > frameBytesMax && reply.messages.length > 1) {
      reply = cutTo(reply, Math.floor(reply.messages.length / 2));
      frame = subscriber.codec.encoder.encodeReply(reply);
    }
    if (frame !== undefined) send(frame);
  }
}

/** How many of the messages have payloads of so many bytes together; one at least. */
function countWithin({ messages }: HistoryReply, bytesMax: number): number {
  let bytes = 0;
  const end = messages.findIndex(({ payload }) => {
    bytes += payload.bytes.length;
    return bytes > bytesMax;
  });
  return end === -1 ? messages.length : Math.max(end, 1);
}

function cutTo(reply: HistoryReply, count: number): HistoryReply {
  if (count >= reply.messages.length) return reply;
  const messages = reply.messages.slice(0, count);
  return { ...reply, messages, hasMore: true, next: messages.at(-1)?.place };
}

function userOf({ userId }: Connection): string {
  if (userId !== undefined) return userId;
  throw new GatewayError(
    'bad-request',
    'The connection has no user, so it has no stream of one; connect with a token that has a sub',
  );
}
