/**
 * What nodes say to each other, as bytes of an envelope of type `command`: two bytes of version and
 * type as every envelope has, then MessagePack. Read back through a schema, because a broker is
 * shared ground.
 */
import { Packr, Unpackr } from 'msgpackr';
import { z } from 'zod';
import { envelopeTypes, envelopeVersion } from '../../../backplanes/envelope.ts';

const nodeId = z.string().min(1).max(64);
const peersMax = 10_000;
const count = z.number().int().nonnegative();
const sender = { node: nodeId, incarnation: count };

const messageSchema = z.discriminatedUnion('kind', [
  /** Sent every heartbeat period to all, and when the node begins to doubt or goes. */
  z.object({
    kind: z.literal('beat'),
    ...sender,
    /** True: it wants to hear of everybody whom the others know. */
    isInDoubt: z.boolean(),
    isLeaving: z.boolean(),
  }),
  /** The answer to a heartbeat in doubt: which other nodes there are. */
  z.object({
    kind: z.literal('peers'),
    ...sender,
    peers: z.array(z.object({ node: nodeId, silentMs: z.number().nonnegative() })).max(peersMax),
  }),
  /** A call for every node that reads it; answered to the sender's inbox. */
  z.object({
    kind: z.literal('ask'),
    ...sender,
    id: count,
    call: z.string().max(64),
    args: z.array(z.unknown()).max(16),
  }),
  /** A call that nobody answers; where it gets lost its sender finds out by itself. */
  z.object({
    kind: z.literal('tell'),
    ...sender,
    call: z.string().max(64),
    args: z.array(z.unknown()).max(16),
  }),
  z.object({ kind: z.literal('answer'), ...sender, id: count, value: z.unknown() }),
  z.object({
    kind: z.literal('failure'),
    ...sender,
    id: count,
    code: z.string().max(64),
    message: z.string().max(4096),
  }),
]);

export type NodeMessage = Readonly<z.infer<typeof messageSchema>>;
export type Beat = Extract<NodeMessage, { kind: 'beat' }>;
export type Ask = Extract<NodeMessage, { kind: 'ask' }>;

const headBytes = 2;
const packr = new Packr({ useRecords: false });
const unpackr = new Unpackr({ useRecords: false });

export function encodeNodeMessage(message: NodeMessage): Uint8Array {
  const body = packr.pack(message);
  const bytes = Buffer.allocUnsafe(headBytes + body.length);
  bytes[0] = envelopeVersion;
  bytes[1] = envelopeTypes.command;
  bytes.set(body, headBytes);
  return bytes;
}

/** True: the envelope is for the node bus, not a publication. */
export function isNodeMessage(bytes: Uint8Array): boolean {
  return bytes[0] === envelopeVersion && bytes[1] === envelopeTypes.command;
}

/** @throws when the bytes are not a message of this version. */
export function decodeNodeMessage(bytes: Uint8Array): NodeMessage {
  return messageSchema.parse(unpackr.unpack(bytes.subarray(headBytes)));
}
