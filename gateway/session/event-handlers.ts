/**
 * The seam to the application's own backend: who answers `event` and `invoke` messages. Sessions
 * see this port only; webhooks will stand behind it.
 */
import type { Metadata, Payload, ReplyErrorName } from '../protocol/model.ts';

/** An event as a client sent it. */
export interface ClientEvent {
  readonly hub: string;
  readonly connectionId: string;
  readonly userId: string | undefined;
  readonly event: string;
  /** Valid only during the call of `handle`: copy it to keep it. */
  readonly payload: Payload;
  readonly metadata: Metadata | undefined;
}

/** The event was not taken, or its handler failed. */
export class EventError extends Error {
  override readonly name = 'EventError';
  /** What the client sees as the error's name. */
  readonly replyName: ReplyErrorName;

  constructor(replyName: ReplyErrorName, message: string, options?: ErrorOptions) {
    super(message, options);
    this.replyName = replyName;
  }
}

export interface EventHandlers {
  /**
   * Hands over one event; resolves with the message for the sender, or undefined for none.
   * @throws EventError: nobody takes this event, or its handler failed.
   */
  handle(event: ClientEvent): Promise<Payload | undefined>;
}

/** No handler is configured anywhere: every event is refused. */
export const noEventHandlers: EventHandlers = {
  handle: ({ event, hub }) =>
    Promise.reject(
      new EventError(
        'InvocationFailed',
        `No event handler of hub '${hub}' takes event '${event}'; send to a group, or configure one`,
      ),
    ),
};
