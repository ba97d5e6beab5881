/**
 * An entry of a stream that is no publication: it says that the broker has lost some that were in the
 * stream before it. A node that had handed them out appends it, so that everybody who reads on from
 * an older place is told, too; nothing else in the history that is left could show it.
 */
import { envelopeTypes, envelopeVersion } from './envelope.ts';
import type { Position } from './stream-store.ts';

/** What a mark consists of. */
export const lossMark: Uint8Array = Uint8Array.of(envelopeVersion, envelopeTypes.loss);

/** True: the bytes of an entry are a mark, of this version or another. */
export function isLossMark(bytes: Uint8Array): boolean {
  return bytes[1] === envelopeTypes.loss;
}

/** The id to append a mark under. All who see the same loss have the same one. */
export function lossMarkId({ epoch, offset, tag }: Position): string {
  return `loss:${epoch}:${offset}:${tag}`;
}
