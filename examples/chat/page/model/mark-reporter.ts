/** Tells the backend how far the user has got: the furthest of a moment together, until it is taken. */
import { furthest, type Marks } from '../../shared/schema.ts';
import type { Clock } from '../sdk.ts';

const gatherMs = 150;
const retryMs = 3000;

export interface MarkReporterOptions {
  readonly clock: Clock;
  /** Rejects when the backend did not take it. */
  readonly report: (conversation: string, marks: Marks) => Promise<void>;
}

export class MarkReporter {
  readonly #options: MarkReporterOptions;
  /** At most one for each conversation. */
  readonly #waiting = new Map<string, Marks>();
  #cancel: (() => void) | undefined;
  #isClosed = false;

  constructor(options: MarkReporterOptions) {
    this.#options = options;
  }

  add(conversation: string, marks: Marks): void {
    const waiting = this.#waiting.get(conversation) ?? {};
    this.#waiting.set(conversation, {
      delivered: furthest(waiting.delivered, marks.delivered),
      read: furthest(waiting.read, marks.read),
    });
    this.#flushAfter(gatherMs);
  }

  /** What was not told is not told any more. */
  close(): void {
    this.#isClosed = true;
    this.#cancel?.();
  }

  #flushAfter(delayMs: number): void {
    if (this.#isClosed) return;
    this.#cancel ??= this.#options.clock.after(delayMs, () => {
      this.#cancel = undefined;
      const waiting = [...this.#waiting];
      this.#waiting.clear();
      for (const [conversation, marks] of waiting) this.#tell(conversation, marks);
    });
  }

  #tell(conversation: string, marks: Marks): void {
    this.#options.report(conversation, marks).catch(() => {
      // Newer marks win; these are told again with them.
      const newer = this.#waiting.get(conversation) ?? {};
      this.#waiting.set(conversation, {
        delivered: furthest(marks.delivered, newer.delivered),
        read: furthest(marks.read, newer.read),
      });
      this.#flushAfter(retryMs);
    });
  }
}
