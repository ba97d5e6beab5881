/** One member as watchers are told of it, and as nodes tell each other. */
import { z } from 'zod';
import { stateBytes } from '../../protocol/client-state.ts';
import type { PresenceMember } from '../../protocol/presence-model.ts';
import type { Membership } from '../target.ts';

/** Of every member beside its strings, in an encoding or in memory. */
const overheadBytes = 40;

export function memberOf({ sinceMs, state, subscriber }: Membership): PresenceMember {
  const { connectionId, userId } = subscriber;
  return { connectionId, userId, state: state?.pairs, sinceMs, stateAtMs: state?.atMs };
}

/** About how many bytes it takes in a message. */
export function memberBytes({ connectionId, state, userId = '' }: PresenceMember): number {
  // Three bytes are the most that one unit of a string can become.
  return overheadBytes + 3 * (connectionId.length + userId.length) + stateBytes(state);
}

/** True: watchers who know the one need not be told the other. */
export function isSameMember(one: PresenceMember, other: PresenceMember): boolean {
  return (
    one.sinceMs === other.sinceMs &&
    one.stateAtMs === other.stateAtMs &&
    one.userId === other.userId &&
    isSameState(one.state, other.state)
  );
}

function isSameState(one: PresenceMember['state'], other: PresenceMember['state']): boolean {
  if (one === other) return true;
  if (one === undefined || one.length !== other?.length) return false;
  return one.every(([key, value], index) => {
    const pair = other[index];
    return pair !== undefined && pair[0] === key && pair[1] === value;
  });
}

const maybeText = z.string().nullable();
const maybeTime = z.number().nullable();

/** [connectionId, userId, sinceMs, stateAtMs, state] */
export const memberSchema = z.tuple([
  z.string(),
  maybeText,
  z.number(),
  maybeTime,
  z.array(z.tuple([z.string(), z.string()])).nullable(),
]);

export type MemberRecord = z.infer<typeof memberSchema>;

export function toRecord(member: PresenceMember): MemberRecord {
  const { connectionId, sinceMs, state, stateAtMs, userId } = member;
  const pairs = state?.map(([key, value]): [string, string] => [key, value]);
  return [connectionId, userId ?? null, sinceMs, stateAtMs ?? null, pairs ?? null];
}

export function fromRecord(record: MemberRecord): PresenceMember {
  const [connectionId, userId, sinceMs, stateAtMs, state] = record;
  return {
    connectionId,
    userId: userId ?? undefined,
    state: state ?? undefined,
    sinceMs,
    stateAtMs: stateAtMs ?? undefined,
  };
}
