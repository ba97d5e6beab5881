/** Everything that goes with a reliable connection when another node takes it over, as bytes. */
import { Packr, Unpackr } from 'msgpackr';
import { z } from 'zod';
import type { ClientId64 } from '../../../protocol/model.ts';
import type { Cut } from '../../../router/ports.ts';

/** Over whatever memory: nobody looks at its kind. */
export const bytesSchema = z.custom<Uint8Array>((value) => value instanceof Uint8Array);

const address = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('all') }),
  z.object({ kind: z.enum(['user', 'group']), name: z.string() }),
]);
const position = z.object({ epoch: z.string(), offset: z.number(), tag: z.number() });
const cut = z.object({
  to: address,
  counters: z.array(z.tuple([z.string(), z.number()])),
  position: optional(position),
  presence: optional(
    z.object({
      sinceMs: z.number(),
      state: optional(
        z.object({
          pairs: optional(z.array(z.tuple([z.string(), z.string()]))),
          atMs: z.number(),
        }),
      ),
    }),
  ),
});
/** Numbers above those of a double come as bigint, whatever the encoding made of smaller ones. */
const clientId = z
  .union([z.number(), z.bigint()])
  .transform((id): ClientId64 => (id <= Number.MAX_SAFE_INTEGER ? Number(id) : id));
const acks = z.object({
  last: z.number(),
  runLength: z.number(),
  scattered: optional(z.array(clientId)),
});
const frame = z.object({ bytes: bytesSchema, isBinary: z.boolean() });

const watched = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('all') }),
  z.object({ kind: z.literal('group'), name: z.string() }),
]);
const stateSchema = z.object({
  hub: z.string(),
  connectionId: z.string(),
  userId: optional(z.string()),
  subprotocol: z.string(),
  roles: z.array(z.string()),
  /** Seconds since 1970; undefined: never. */
  expiresAt: optional(z.number()),
  /** Counts the nodes that have served the connection; 1 for the first. */
  term: z.number().int().positive(),
  acks: optional(acks),
  /** Number of the first of `frames`. */
  firstSequenceId: z.number().int().positive(),
  /** Messages that are not acknowledged. */
  frames: z.array(frame),
  cuts: z.array(cut),
  /** Of what it watches the presence. */
  watched: z.array(watched),
});

export type ConnectionState = Omit<z.output<typeof stateSchema>, 'cuts'> & {
  readonly cuts: readonly Cut[];
};
export type Destinations = readonly Cut['to'][];

const packr = new Packr({ useRecords: false });
const unpackr = new Unpackr({ useRecords: false });

export function packState(state: ConnectionState): Buffer {
  return packr.pack(state);
}

/** @throws when the bytes are not the state of a node of this version. */
export function unpackState(bytes: Uint8Array): ConnectionState {
  return stateSchema.parse(unpackr.unpack(bytes));
}

export function packDestinations(destinations: Destinations): Buffer {
  return packr.pack(destinations);
}

/** @throws when the bytes are not a list of destinations. */
export function unpackDestinations(bytes: Uint8Array): Destinations {
  return z.array(address).parse(unpackr.unpack(bytes));
}

/** MessagePack has null where our data has undefined. */
function optional<T extends z.ZodType>(schema: T) {
  return schema.nullish().transform((value): z.output<T> | undefined => value ?? undefined);
}
