/**
 * What nodes say to each other when a connection changes its node. Every question may come more
 * than once and has the same answer then.
 */
import { z } from 'zod';
import { bytesSchema } from './connection-state.ts';

/** Names of the calls on the node bus. */
export const takeOverCalls = {
  /** The claimant to the owner: the client is here; which destinations does it have? */
  prepare: 'takeOver.prepare',
  /** The claimant to the owner: everything is held here from now on; stop, and hand over. */
  seal: 'takeOver.seal',
  /** The claimant to the owner: a part of an answer that is too large for one. */
  part: 'takeOver.part',
  /** The claimant to the owner: the connection is served here. */
  done: 'takeOver.done',
  /** The owner to a claimant that has sealed: another claim came; give it up unless it is served. */
  void: 'takeOver.void',
  /** To all: these connections are served there now. */
  adopted: 'takeOver.adopted',
  /** To all: these connections, which had changed their node, are over. */
  ended: 'takeOver.ended',
  /** To all: who has these connections, or knows who has? */
  where: 'takeOver.where',
  /** To all, by a node that has just come: tell it which connections were taken over. */
  tell: 'takeOver.tell',
  /** A node that goes away to another: claim these connections, whose clients are away. */
  invite: 'takeOver.invite',
  /** To all: this node has given everything away; send it nothing any more. */
  leaving: 'takeOver.leaving',
} as const;

const id = z.string();
const nonce = z.string().max(64);

/** Bytes of which the answer has the beginning. */
const blob = z.object({ size: z.number().int(), first: bytesSchema });
export type Blob = z.infer<typeof blob>;

export const questions = {
  prepare: z.tuple([
    z.object({
      connectionId: id,
      nonce,
      claimant: id,
      hub: id,
      subprotocol: id,
      /** Counts the questions of one claim that want to know the destinations anew. */
      round: z.number().int(),
    }),
  ]),
  claim: z.tuple([id, nonce]),
  part: z.tuple([id, nonce, z.number().int().nonnegative()]),
  adopted: z.tuple([z.array(z.tuple([id, id, z.number().int().positive()]))]),
  ended: z.tuple([z.array(id)]),
  where: z.tuple([z.array(id)]),
  node: z.tuple([id]),
  invite: z.tuple([z.array(z.tuple([id, id, id]))]),
};
export type Invitation = z.infer<typeof questions.invite>[0][number];
export type PrepareQuestion = z.infer<typeof questions.prepare>[0];

/** No such connection; or it is one of another hub or subprotocol; or a later claim has won. */
const no = ['unknown', 'mismatch', 'superseded'] as const;
export type No = (typeof no)[number];

export const prepareAnswer = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('prepared'), destinations: blob }),
  z.object({ kind: z.literal('moved'), to: id }),
  z.object({ kind: z.enum(no) }),
]);
export type PrepareAnswer = z.infer<typeof prepareAnswer>;

export const sealAnswer = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('sealed'), state: blob }),
  /** It has become a member of more since it was prepared: ask again. */
  z.object({ kind: z.literal('changed') }),
  /** Something that its client asked for is not over: ask again. */
  z.object({ kind: z.literal('busy') }),
  z.object({ kind: z.enum(no) }),
]);
export type SealAnswer = z.infer<typeof sealAnswer>;

export const partAnswer = bytesSchema;

/** The node that has a connection, and in which term; false: the one who answers has heard so. */
export const whereAnswer = z.tuple([id, id, z.number().int().positive(), z.boolean()]);
export type Whereabouts = z.infer<typeof whereAnswer>;

/** True: it does what it can; false: it goes away itself. */
export const inviteAnswer = z.boolean();

/** What happened to the owner's copy between the seal and this. */
export const doneAnswer = z.object({
  closedBecause: z.string().nullish(),
  joined: z.array(z.string()),
  left: z.array(z.string()),
  roles: z.array(z.string()).nullish(),
});
export type DoneAnswer = z.infer<typeof doneAnswer>;

export const voidAnswer = z.enum(['installed', 'void']);
export type VoidAnswer = z.infer<typeof voidAnswer>;
