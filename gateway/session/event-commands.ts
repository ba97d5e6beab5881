/** What one connection asks of the application's own backend: events, and requests with a reply. */
import type { Encoder, Frame } from '../protocol/codec.ts';
import type {
  CancelInvocation,
  Invoke,
  Message,
  Payload,
  Reply,
  SendEvent,
} from '../protocol/model.ts';
import { Invocations } from './invocations.ts';
import type { Connection, SessionServices } from './session-services.ts';

export interface EventCommandsOptions {
  readonly connection: Connection;
  readonly services: Pick<SessionServices, 'events' | 'limits'>;
  readonly reply: (reply: Reply) => void;
  readonly encoder: Pick<Encoder, 'encodeMessage'>;
  /** Gives the client a message; it has it before what is replied after that. */
  readonly deliver: (frame: Frame) => Promise<void>;
}

export class EventCommands {
  readonly #options: EventCommandsOptions;
  readonly #invocations: Invocations;

  constructor(options: EventCommandsOptions) {
    const { reply, services } = options;
    this.#options = options;
    this.#invocations = new Invocations(services.limits.pendingAcksMax, reply);
  }

  /** Resolves when the backend has handled it, and the client has its answer, if there is one. */
  async event(command: SendEvent): Promise<void> {
    const { deliver, encoder } = this.#options;
    const payload = await this.#callHandler(command);
    if (payload !== undefined) await deliver(encoder.encodeMessage(messageOf(payload)));
  }

  invoke(command: Invoke): void {
    this.#invocations.run(command.invocationId, () => this.#callHandler(command));
  }

  cancel({ invocationId }: CancelInvocation): void {
    this.#invocations.cancel(invocationId);
  }

  #callHandler(command: SendEvent | Invoke): Promise<Payload | undefined> {
    const { connection, services } = this.#options;
    const { connectionId, hub, userId } = connection;
    return services.events.handle({
      hub,
      connectionId,
      userId,
      event: command.event,
      payload: command.payload,
      metadata: command.kind === 'event' ? command.metadata : undefined,
    });
  }
}

/** A message of the server for one connection alone. */
function messageOf(payload: Payload): Message {
  return {
    from: 'server',
    kind: 'connection',
    group: undefined,
    fromUserId: undefined,
    payload,
    metadata: undefined,
    stream: undefined,
  };
}
