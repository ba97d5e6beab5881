/**
 * Marks losses in the streams that the broker has lost entries of (loss-mark.ts). Nobody waits for
 * it; the broker was away just now, so each mark is tried again for a while.
 */
import { lossMark, lossMarkId } from '../../../backplanes/loss-mark.ts';
import type { Position, StreamRef } from '../../../backplanes/stream-store.ts';
import type { Clock } from '../../clock.ts';
import { Gate } from './gate.ts';
import type { StreamCounters } from './stream-counters.ts';
import type { StreamPublisher } from './stream-publisher.ts';

export interface LossMarksOptions {
  readonly publisher: Pick<StreamPublisher, 'publish'>;
  readonly clock: Pick<Clock, 'after'>;
  readonly counters: Pick<StreamCounters, 'lossesMarked' | 'lossesUnmarked'>;
}

/** Marks that wait or are being written at the same time; what is beyond is counted. */
const pendingMax = 10_000;
const appendsMax = 64;
const triesMax = 20;
const retryBaseMs = 100;
const retryMaxMs = 5000;

export class LossMarks {
  readonly #options: LossMarksOptions;
  readonly #appends = new Gate(appendsMax);
  readonly #pending = new Set<string>();
  /** Ends the pauses between two tries. */
  readonly #pauses = new Set<() => void>();
  #isStopped = false;

  constructor(options: LossMarksOptions) {
    this.#options = options;
  }

  /** @param common the last place that the stream and what was handed out have in common. */
  mark(stream: StreamRef, common: Position): void {
    const id = lossMarkId(common);
    const name = `${stream.key} ${id}`;
    if (this.#pending.has(name)) return;
    if (this.#pending.size >= pendingMax) {
      this.#options.counters.lossesUnmarked += 1;
      return;
    }
    this.#pending.add(name);
    void this.#mark(stream, id).finally(() => {
      this.#pending.delete(name);
    });
  }

  /** What is not marked yet is not any more. */
  stop(): void {
    this.#isStopped = true;
    for (const end of this.#pauses) end();
  }

  async #mark(stream: StreamRef, id: string): Promise<void> {
    const { counters, publisher } = this.#options;
    const { key, retention } = stream;
    const mark = { bytes: lossMark, id, key };
    let pauseMs = retryBaseMs;
    for (let tries = 0; tries < triesMax && !this.#isStopped; tries += 1) {
      try {
        const marked = await this.#appends.run(() => publisher.publish(mark, retention));
        if (!marked.isDuplicate) counters.lossesMarked += 1;
        return;
      } catch {
        // Not stored, or unknown: the same id again.
        await this.#pause(pauseMs);
        pauseMs = Math.min(pauseMs * 2, retryMaxMs);
      }
    }
    counters.lossesUnmarked += 1;
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        stop();
        this.#pauses.delete(end);
        resolve();
      };
      const stop = this.#options.clock.after(ms, end);
      this.#pauses.add(end);
    });
  }
}
