/**
 * What a target keeps for members that lag, as the congestion reads it: publications under their
 * offsets, with holes where the slow-consumer policy or a bound has dropped some.
 */
import type { MessagePlace } from '../protocol/model.ts';
import type { Delivery } from './delivery.ts';

export interface Backlog {
  /** Its share of the budget of the node. */
  readonly bytes: number;
  /** Keeps one more, which owns its bytes, under the next offset; drops what is over a bound. */
  append(delivery: Delivery): void;
  /** Offset of the oldest publication kept from `offset` on; undefined: none is. */
  nextFrom(offset: number): number | undefined;
  /** The publication with this offset; undefined when it was dropped or is not there yet. */
  at(offset: number): Delivery | undefined;
  /**
   * The stream place of the publication before `offset`, kept or dropped. `offset` is that of a kept
   * publication or of the next one to come; undefined: not known, or the target is no stream.
   */
  placeBefore(offset: number): MessagePlace | undefined;
  /** Drops everything. The backlog is not used after this. */
  clear(): void;
}

/** Bytes that all backlogs of a node may hold together. */
export class RingBudget {
  readonly bytesMax: number;
  bytes = 0;

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }
}

/** What an entry costs beside its envelope: objects, and the frame made for the first encoding. */
const entryOverheadBytes = 256;
const copiesPerEntry = 2;

/** Bytes that a kept publication is counted with. */
export function costOf(delivery: Delivery): number {
  return delivery.envelope.byteLength * copiesPerEntry + entryOverheadBytes;
}
