/** What a person's client token allows: their own conversations, and nothing else. */
import type { Room } from '../shared/schema.ts';

/** `rooms` are those that this person may see. */
export function rolesOf(person: string, rooms: readonly Room[]): readonly string[] {
  // Who may see a room may look into it; a private one is seen by its members only.
  const conversations = [
    'room.*',
    `dm.${person}.*`,
    `dm.*.${person}`,
    ...rooms.filter(({ isPrivate }) => isPrivate).map(({ conversation }) => conversation),
  ];
  return [
    ...conversations.flatMap((name) => [
      `webpubsub.joinLeaveGroups.${name}`,
      `webpubsub.joinLeaveGroups.typing.${name}`,
      // Marks are published by the backend, which knows who reads.
      `webpubsub.joinLeaveGroups.marks.${name}`,
      `webpubsub.sendToGroups.${name}`,
      `webpubsub.sendToGroups.typing.${name}`,
    ]),
    `webpubsub.joinLeaveGroup.sync.${person}`,
    'trunkline.watchPresence',
  ];
}
