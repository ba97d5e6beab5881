/** Knows how many file descriptors are left, without needing one in the moment it matters. */
import { readFileSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';

/** A measurement lists every descriptor; it may take this share of the time at most. */
const measureShareMax = 0.02;
const measureIntervalMs = 1000;

export interface DescriptorSource {
  /** Soft limit of this process; Infinity where it cannot be known. */
  readonly limit: number;
  /** Open descriptors of the process now; rejects when not even this one could be opened. */
  count(): Promise<number>;
}

/** Reads /proc; on other systems nothing is bounded. */
export function systemDescriptors(): DescriptorSource {
  return {
    limit: readSoftLimit(),
    count: countOpen,
  };
}

/** Since Linux 6.2 the size of the directory is the count, and costs neither time nor descriptor. */
async function countOpen(): Promise<number> {
  const { size } = await stat('/proc/self/fd');
  return size > 0 ? size : (await readdir('/proc/self/fd')).length;
}

function readSoftLimit(): number {
  if (process.platform !== 'linux') return Infinity;
  try {
    const row = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'));
    return row === null ? Infinity : Number(row[1]);
  } catch {
    // A container may hide /proc; then the kernel's own refusal is all there is.
    return Infinity;
  }
}

/**
 * Between measurements it counts the transport's own TCP connections; measurements, made rarely
 * and in the background, correct for everything else that the process opens.
 */
export class DescriptorGauge {
  readonly #source: DescriptorSource;
  readonly #now: () => number;
  #connections = 0;
  /** Descriptors that are not connections of the transport, at the last measurement. */
  #others = 0;
  #nextMeasureAt = 0;
  #isMeasuring = false;

  constructor(source: DescriptorSource, now: () => number) {
    this.#source = source;
    this.#now = now;
  }

  connectionOpened(): void {
    this.#connections += 1;
  }

  connectionClosed(): void {
    this.#connections -= 1;
  }

  /** Descriptors that can still be opened, as far as known. */
  free(): number {
    if (this.#source.limit === Infinity) return Infinity;
    if (!this.#isMeasuring && this.#now() >= this.#nextMeasureAt) void this.measure();
    return this.#source.limit - this.#others - this.#connections;
  }

  /** Counts again. Never rejects: where it fails, nothing is free until the next time. */
  async measure(): Promise<void> {
    if (this.#source.limit === Infinity) return;
    this.#isMeasuring = true;
    const startedAt = this.#now();
    const connections = this.#connections;
    try {
      this.#others = Math.max(0, (await this.#source.count()) - connections);
    } catch {
      // EMFILE: the count could not be taken because there is nothing left.
      this.#others = Math.max(0, this.#source.limit - connections);
    }
    const now = this.#now();
    const pause = Math.max(measureIntervalMs, (now - startedAt) / measureShareMax);
    this.#nextMeasureAt = now + pause;
    this.#isMeasuring = false;
  }
}
