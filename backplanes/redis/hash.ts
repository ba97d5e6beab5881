/** Hashes that every node must compute alike: keys to partitions and servers, tags to slots. */

export const slotCount = 16_384;

/** CRC16 (XMODEM) modulo the slots: where a Redis cluster puts a hash tag of ASCII letters. */
export function slotOf(tag: string): number {
  let crc = 0;
  for (let index = 0; index < tag.length; index += 1) {
    crc ^= tag.charCodeAt(index) << 8;
    for (let bit = 0; bit < 8; bit += 1) {
      crc = (crc & 0x8000) === 0 ? crc << 1 : (crc << 1) ^ 0x1021;
    }
    crc &= 0xffff;
  }
  return crc % slotCount;
}

/** FNV-1a over UTF-16 units, mixed at the end so that similar keys spread. 32 bits, unsigned. */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

const pointsPerServer = 160;

/**
 * Consistent hashing: a key's server depends on the set of servers, not on their order, and one
 * more server takes over only its share of the keys.
 */
export class HashRing {
  readonly #points: readonly { readonly at: number; readonly server: number }[];

  constructor(servers: readonly string[]) {
    this.#points = servers
      .flatMap((name, server) =>
        Array.from({ length: pointsPerServer }, (_, point) => ({
          at: hashOf(`${name}#${point}`),
          server,
          name,
        })),
      )
      .sort((a, b) => a.at - b.at || (a.name < b.name ? -1 : 1));
  }

  /** Index of the server of a key. */
  serverOf(key: string): number {
    const hash = hashOf(key);
    let low = 0;
    let high = this.#points.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#points[middle]?.at ?? 0) < hash) low = middle + 1;
      else high = middle;
    }
    return (this.#points[low] ?? this.#points[0])?.server ?? 0;
  }
}
