/** Follows the memory of processes while a run goes on: the highest reading, not the last. */
import { setInterval as every } from 'node:timers/promises';
import { readMemory, type MemoryReading } from './proc.ts';

const fields = ['rssBytes', 'tcpBytes', 'slabBytes'] as const;

export class ProcessWatch {
  readonly #pids: readonly number[];
  readonly #periodMs: number;
  readonly #stop = new AbortController();
  #first: readonly MemoryReading[] = [];
  #highest: MemoryReading[] = [];
  #watching: Promise<unknown> = Promise.resolve();

  constructor(pids: readonly number[], periodMs = 250) {
    this.#pids = pids;
    this.#periodMs = periodMs;
  }

  /** Takes the first reading. */
  start(): void {
    this.#first = this.#pids.map(readMemory);
    this.#highest = [...this.#first];
    // It ends by being told so, which is no failure.
    this.#watching = this.#watch().catch(() => undefined);
  }

  /** Takes the last reading. Idempotent. */
  async stop(): Promise<void> {
    if (this.#stop.signal.aborted) return;
    this.#stop.abort();
    await this.#watching;
    if (this.#first.length > 0) this.#read();
  }

  /** Highest resident set of each process. */
  get peakRssBytes(): readonly number[] {
    return this.#highest.map(({ rssBytes }) => rssBytes);
  }

  /** Highest reading of the first process above its first one. */
  get rise(): MemoryReading {
    const [first] = this.#first;
    const [highest] = this.#highest;
    if (first === undefined || highest === undefined)
      return { rssBytes: 0, tcpBytes: 0, slabBytes: 0 };
    return {
      rssBytes: highest.rssBytes - first.rssBytes,
      tcpBytes: highest.tcpBytes - first.tcpBytes,
      slabBytes: highest.slabBytes - first.slabBytes,
    };
  }

  async #watch(): Promise<void> {
    for await (const _ of every(this.#periodMs, undefined, { signal: this.#stop.signal })) {
      this.#read();
    }
  }

  #read(): void {
    this.#highest = this.#pids.map((pid, index) => {
      const now = readMemory(pid);
      const before = this.#highest[index] ?? now;
      const pairs = fields.map((field) => [field, Math.max(now[field], before[field])] as const);
      // All fields of a reading, and no others.
      return Object.fromEntries(pairs) as unknown as MemoryReading;
    });
  }
}
