/**
 * Entries of one stream that came before their predecessor: they wait until the store has filled the
 * hole. Bounded; what does not fit is dropped, and the store is read to its end instead.
 */
import type { StreamEntry } from '../../../backplanes/stream-store.ts';

const entriesMax = 1000;
const bytesMax = 4 * 1024 * 1024;

export class HeldEntries {
  readonly #entries = new Map<number, StreamEntry>();
  #bytes = 0;
  /** True: entries were dropped, so that the last one held need not be the stream's last. */
  hasOverflowed = false;

  get size(): number {
    return this.#entries.size;
  }

  /** Copies its bytes. The later of two with one offset is kept: it is of the present history. */
  add(entry: StreamEntry): void {
    this.#bytes += entry.bytes.length - (this.#entries.get(entry.offset)?.bytes.length ?? 0);
    if (this.#entries.size >= entriesMax || this.#bytes > bytesMax) {
      this.clear();
      this.hasOverflowed = true;
      return;
    }
    this.#entries.set(entry.offset, { ...entry, bytes: new Uint8Array(entry.bytes) });
  }

  /** By offset, the lowest first; a copy. */
  sorted(): StreamEntry[] {
    return [...this.#entries.values()].sort((a, b) => a.offset - b.offset);
  }

  /** True: it was held, it and no other with its offset. */
  remove(entry: StreamEntry): boolean {
    if (this.#entries.get(entry.offset) !== entry) return false;
    this.#entries.delete(entry.offset);
    this.#bytes -= entry.bytes.length;
    return true;
  }

  clear(): void {
    this.#entries.clear();
    this.#bytes = 0;
  }
}
