/** Who is somewhere, as nodes tell it each other, and put together from what all of them say. */
import { z } from 'zod';
import type { Attendance, PresenceMember } from '../../protocol/presence-model.ts';
import { fromRecord, memberSchema, toRecord } from '../presence/member-record.ts';

const answerSchema = z.object({
  connections: z.number().int().nonnegative(),
  members: z.array(memberSchema).nullish(),
});

export function toAnswer({ connections, members }: Attendance): z.infer<typeof answerSchema> {
  return { connections, members: members?.map(toRecord) };
}

/**
 * A connection that is about to change its node may be in two answers: it is one member.
 * @throws when an answer is not of this version.
 */
export function fromAnswers(answers: readonly unknown[], membersMax: number): Attendance {
  let connections = 0;
  const members = new Map<string, PresenceMember>();
  let isListed = true;
  for (const answer of answers) {
    const { connections: those, members: records } = answerSchema.parse(answer);
    connections += those;
    isListed &&= records !== undefined && records !== null;
    for (const record of records ?? []) {
      const member = fromRecord(record);
      members.set(member.connectionId, member);
    }
  }
  if (!isListed || members.size > membersMax) return { connections, members: undefined };
  return { connections: members.size, members: [...members.values()] };
}
