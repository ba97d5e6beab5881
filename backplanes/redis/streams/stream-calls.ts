/** The calls of the stream functions as FCALL takes them; stream-functions.ts has the other side. */
import { hash, randomBytes } from 'node:crypto';
import { publicationTag } from '../../stored-envelope.ts';
import { answerBytesMax } from '../../stream-store.ts';
import type { HistoryRequest, ReadRequest, RetentionClass, StreamRef } from '../../stream-store.ts';
import type { CallArguments } from '../publisher.ts';
import { functionNames } from './stream-functions.ts';
import type { StreamPlace } from './stream-keys.ts';

const dayMs = 24 * 60 * 60 * 1000;
/** How long an id is remembered at least. */
export const dedupeMs = 300_000;
/** Ids are remembered for two windows at least, less a second. */
const windowMs = dedupeMs / 2 + 1000;

const epochRandomBytes = 6;
const digestBytes = 16;
const headFixedBytes = 4 + digestBytes;

/** How an append goes live. */
export const liveWays = { none: 0, publish: 1, spublish: 2 } as const;
export type LiveWay = (typeof liveWays)[keyof typeof liveWays];

/** Bounds of an append that hold for a whole class. */
export class AppendBounds {
  readonly #live: LiveWay;
  readonly #known = new WeakMap<RetentionClass, Buffer>();

  constructor(live: LiveWay) {
    this.#live = live;
  }

  of(retention: RetentionClass): Buffer {
    let bounds = this.#known.get(retention);
    if (bounds === undefined) {
      const ttlMs = endTtlMs(retention);
      bounds = encodeBounds({ retention, ttlMs, windowMs, live: this.#live });
      this.#known.set(retention, bounds);
    }
    return bounds;
  }
}

export interface BoundsOptions {
  readonly retention: RetentionClass;
  /** How long it is remembered where a stream ends. */
  readonly ttlMs: number;
  readonly windowMs: number;
  readonly live: LiveWay;
}

/** Exact up to 2^53 in each bound. */
export function encodeBounds({ retention, ttlMs, windowMs: window, live }: BoundsOptions): Buffer {
  const bytes = Buffer.alloc(37);
  const { messagesMax, ageMsMax, bytesMax } = retention;
  for (const [index, value] of [messagesMax, ageMsMax, bytesMax, ttlMs].entries()) {
    bytes.writeBigUInt64LE(BigInt(value), index * 8);
  }
  bytes.writeUInt32LE(window, 32);
  bytes.writeUInt8(live, 36);
  return bytes;
}

export interface AppendCall {
  readonly place: Omit<StreamPlace, 'partition'>;
  readonly bounds: Buffer;
  readonly key: string;
  readonly id: string;
  readonly envelope: Uint8Array;
}

export function appendCall({ place, bounds, key, id, envelope }: AppendCall): CallArguments {
  return [
    functionNames.append,
    2 + place.ids.length,
    ...place.pair,
    ...place.ids,
    bounds,
    headOf(key, id),
    Buffer.from(envelope.buffer, envelope.byteOffset, envelope.length),
  ];
}

export function readCall(
  place: StreamPlace,
  stream: StreamRef,
  request: ReadRequest,
): CallArguments {
  const { after, limit, upTo = Number.MAX_SAFE_INTEGER } = request;
  const { ageMsMax } = stream.retention;
  const { epoch, offset, tag } = after;
  return [
    functionNames.read,
    2,
    ...place.pair,
    ...[ageMsMax, answerBytesMax, epoch, offset, tag, upTo, limit],
  ];
}

export function readBackCall(
  place: StreamPlace,
  stream: StreamRef,
  { before = Number.MAX_SAFE_INTEGER, limit }: HistoryRequest,
): CallArguments {
  const { ageMsMax } = stream.retention;
  return [functionNames.readBack, 2, ...place.pair, ageMsMax, answerBytesMax, before, limit];
}

/** Of streams that share a slot. */
export function topsCall(
  streams: readonly { readonly place: StreamPlace; readonly stream: StreamRef }[],
): CallArguments {
  return [
    functionNames.tops,
    streams.length * 2,
    ...streams.flatMap(({ place }) => place.pair),
    ...streams.map(({ stream: { retention } }) => {
      const bytes = Buffer.alloc(16);
      bytes.writeBigUInt64LE(BigInt(retention.ageMsMax), 0);
      bytes.writeBigUInt64LE(BigInt(endTtlMs(retention)), 8);
      return Buffer.concat([bytes, Buffer.from(newEpoch())]);
    }),
  ];
}

export function purgeCall(place: StreamPlace): CallArguments {
  return [functionNames.purge, 2, ...place.pair];
}

/**
 * Where a stream ends outlives its entries, so that who comes back later than they last is told the
 * truth. Watching renews it when half of it is over: one day remains at least.
 */
function endTtlMs({ ageMsMax }: RetentionClass): number {
  return 2 * (ageMsMax + dayMs);
}

/** Never used before, for a stream that has none yet. */
function newEpoch(): string {
  return randomBytes(epochRandomBytes).toString('base64url');
}

/** Tag of the id, digest of stream and id, and an epoch in case there is none. */
function headOf(key: string, id: string): Buffer {
  const epoch = newEpoch();
  const head = Buffer.allocUnsafe(headFixedBytes + epoch.length);
  head.writeUInt32LE(publicationTag(id), 0);
  // UTF-16, for in UTF-8 all halves of a pair look alike.
  const digest = hash('sha256', Buffer.from(`${key}\0${id}`, 'utf16le'), 'buffer');
  digest.copy(head, 4, 0, digestBytes);
  head.write(epoch, headFixedBytes, 'latin1');
  return head;
}
