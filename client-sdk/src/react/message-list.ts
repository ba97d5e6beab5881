/** The newest messages of a stream or a live group, in order, each once; bounded. */
import type { Message } from '../messages.ts';

export type MessageList<Payload> = readonly Message<Payload>[];

/** With what has come; the list itself when the message is in it already. */
export function appended<Payload>(
  list: MessageList<Payload>,
  message: Message<Payload>,
  messagesMax: number,
): MessageList<Payload> {
  const last = list.at(-1);
  // History that was read meanwhile had it before it came.
  if (last !== undefined && !isBefore(last, message)) return list;
  return [...list, message].slice(-messagesMax);
}

/** With history, oldest first, in front of it. */
export function prepended<Payload>(
  list: MessageList<Payload>,
  history: MessageList<Payload>,
  messagesMax: number,
): MessageList<Payload> {
  const [first] = list;
  const older = first === undefined ? history : history.filter((each) => isBefore(each, first));
  return [...older, ...list].slice(-messagesMax);
}

/** What has no place comes in the order in which it came. */
function isBefore(one: Message, other: Message): boolean {
  if (one.position === undefined || other.position === undefined) return true;
  return one.position.epoch !== other.position.epoch || one.position.offset < other.position.offset;
}
