/** What nodes tell each other about presence. A message may get lost; the sums find that out. */
import { z } from 'zod';
import { memberSchema } from './member-record.ts';

const key = z.string();
const count = z.number().int().nonnegative();
const sum = z.tuple([z.number().int(), z.number().int()]);

const item = z.discriminatedUnion('kind', [
  /** What changed since version `prev`. */
  z.object({
    kind: z.literal('change'),
    key,
    prev: count,
    ver: count,
    /** Members of this node now. */
    total: count,
    set: z.array(memberSchema),
    left: z.array(z.string()),
  }),
  /** All members of this node; they hold when the part that is the last has come. */
  z.object({
    kind: z.literal('all'),
    key,
    ver: count,
    total: count,
    members: z.array(memberSchema),
    /** Counted from 0. */
    part: count,
    isLast: z.boolean(),
  }),
  /** Too many to tell who. */
  z.object({ kind: z.literal('count'), key, ver: count, total: count }),
]);

const messageSchema = z.discriminatedUnion('kind', [
  /** To a node: tell me of these from now on. The version that I know, 0: none. */
  z.object({
    kind: z.literal('watch'),
    pairs: z.array(z.tuple([key, count])),
    /** True: these, with the parts before it, are all that I watch. */
    isWhole: z.boolean(),
    /** Counted from 0. */
    part: count,
    isLast: z.boolean(),
  }),
  z.object({ kind: z.literal('unwatch'), keys: z.array(key) }),
  /** I still watch what has this sum. */
  z.object({ kind: z.literal('renew'), watched: sum }),
  /** To a node that watches. */
  z.object({ kind: z.literal('items'), items: z.array(item) }),
  /** What you watch here as I know it, and the sum of its versions. */
  z.object({ kind: z.literal('digest'), watched: sum, versions: sum }),
]);

export type PresenceItem = z.infer<typeof item>;
export type ChangeItem = Extract<PresenceItem, { kind: 'change' }>;
export type AllItem = Extract<PresenceItem, { kind: 'all' }>;
export type PresenceMessage = z.infer<typeof messageSchema>;
export type WatchMessage = Extract<PresenceMessage, { kind: 'watch' }>;
export type DigestMessage = Extract<PresenceMessage, { kind: 'digest' }>;

/** The name under which the node bus carries them. */
export const presenceCall = 'presence';

/** @throws when it is not a message of this version. */
export function readPresenceMessage(call: string, args: readonly unknown[]): PresenceMessage {
  if (call !== presenceCall) throw new RangeError(`Nobody here is told '${call}'`);
  return messageSchema.parse(args[0]);
}
