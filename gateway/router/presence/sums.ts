/**
 * Sums over sets, by which two nodes see whether they mean the same without telling it all. Each
 * element is mixed on its own, so that one that comes or goes costs two additions.
 */
import { createHash } from 'node:crypto';

/** 64 bits of a key. Clients choose names, so it is a hash that they cannot steer. */
export interface KeyHash {
  readonly high: number;
  readonly low: number;
}

export type SumText = readonly [high: number, low: number];

export function keyHash(key: string): KeyHash {
  const bytes = createHash('sha256').update(key).digest();
  return { high: bytes.readInt32LE(0), low: bytes.readInt32LE(4) };
}

/** Of pairs of a key and a version. A set of keys has 0 for every version. */
export class PairSum {
  #high = 0;
  #low = 0;

  add({ high, low }: KeyHash, version: number): void {
    this.#high = (this.#high + mixed(high, version)) | 0;
    this.#low = (this.#low + mixed(low, version)) | 0;
  }

  remove({ high, low }: KeyHash, version: number): void {
    this.#high = (this.#high - mixed(high, version)) | 0;
    this.#low = (this.#low - mixed(low, version)) | 0;
  }

  text(): SumText {
    return [this.#high, this.#low];
  }
}

export function isSameSum(one: SumText, other: SumText): boolean {
  return one[0] === other[0] && one[1] === other[1];
}

/** Spreads a change of any bit over all bits (the finalizer of MurmurHash3). */
function mixed(hash: number, version: number): number {
  const low = version | 0;
  const high = Math.floor(version / 2 ** 32) | 0;
  let bits = hash ^ Math.imul(low, 0x9e3779b1) ^ Math.imul(high, 0x85ebca77);
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return bits ^ (bits >>> 16);
}
