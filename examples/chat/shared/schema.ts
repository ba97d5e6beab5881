/**
 * What travels through the gateway and between page and backend: the types that both sides share.
 * A conversation has the name of its group: `room.general`, `private.board`, `dm.anna.ben`.
 */

/** A message of a conversation; who sent it is said by the gateway. */
export interface Talk {
  readonly text: string;
}

/** Somebody writes, or has stopped to. Not retained. */
export interface Typing {
  readonly isTyping: boolean;
}

/** A place in a conversation's stream. Places of different epochs cannot be compared. */
export interface Place {
  readonly epoch: string;
  readonly offset: number;
}

/** How far somebody has got in a conversation, on any device. */
export interface Marks {
  readonly delivered?: Place | undefined;
  readonly read?: Place | undefined;
}

/** From the backend to a conversation: somebody has got further. Not retained: the backend keeps it. */
export interface MarkUpdate {
  readonly userId: string;
  readonly marks: Marks;
}

export const severities = ['info', 'success', 'warning', 'error'] as const;
export type Severity = (typeof severities)[number];

/** A notification, on the stream of a user or of the hub. */
export interface Notice {
  readonly title: string;
  readonly body: string;
  readonly severity: Severity;
  /** The id of its topic; absent: it is for everybody, or about the user. */
  readonly topic?: string | undefined;
}

/** From the backend to all devices of a user: what changed on another one. Not retained. */
export type Sync =
  { readonly kind: 'state' } | { readonly kind: 'notices-read'; readonly ids: readonly string[] };

/** The groups of the hub, and what each carries. */
export interface ChatSchema {
  'room.{id}': Talk;
  'private.{id}': Talk;
  'dm.{pair}': Talk;
  'typing.{conversation}': Typing;
  'marks.{conversation}': MarkUpdate;
  'sync.{user}': Sync;
  '@user': Notice;
  '@hub': Notice;
}

export type ConversationName = `room.${string}` | `private.${string}` | `dm.${string}`;

export interface Person {
  readonly id: string;
  readonly name: string;
  /** What they do. */
  readonly title: string;
}

export interface Room {
  readonly conversation: ConversationName;
  readonly name: string;
  readonly purpose: string;
  readonly isPrivate: boolean;
  /** Ids of its people. */
  readonly members: readonly string[];
}

export interface Topic {
  readonly id: string;
  readonly name: string;
  readonly purpose: string;
  readonly isSubscribed: boolean;
}

/** What a page needs to know of the backend; all else comes from the gateway. */
export interface ChatState {
  readonly me: Person;
  /** May announce to everybody. */
  readonly isAdmin: boolean;
  /** Everybody but the user. */
  readonly people: readonly Person[];
  readonly friends: readonly string[];
  /** Those that the user may see, joined or not. */
  readonly rooms: readonly Room[];
  readonly topics: readonly Topic[];
  /** By conversation, then by user; the user's own among them. */
  readonly marks: Readonly<Record<string, Readonly<Record<string, Marks>>>>;
  /** Ids of notifications that the user has read. */
  readonly noticesRead: readonly string[];
  /** Where the gateway takes WebSockets. */
  readonly clientUrl: string;
}

export interface SignedIn {
  /** For the header `Authorization: Bearer`. */
  readonly session: string;
}

/** The conversation of two people, the same from both sides. */
export function directConversation(one: string, other: string): ConversationName {
  const [first, second] = one < other ? [one, other] : [other, one];
  return `dm.${first}.${second}`;
}

/** The two people of a direct conversation; undefined for a room. */
export function peopleOf(conversation: string): readonly [string, string] | undefined {
  const [kind, first, second, ...rest] = conversation.split('.');
  if (kind !== 'dm' || first === undefined || second === undefined) return undefined;
  return rest.length === 0 ? [first, second] : undefined;
}

/** The later of two places; the second where they cannot be compared. */
export function furthest(one: Place | undefined, other: Place | undefined): Place | undefined {
  if (one === undefined || other === undefined) return other ?? one;
  return one.epoch === other.epoch && one.offset > other.offset ? one : other;
}
