/**
 * What a worker has asked its parent for and has no answer to yet: in the order in which the answers
 * come, bounded, and failed by the clock when the parent says nothing.
 */
import { BackplaneUnavailableError, PublishOutcomeUnknownError } from '../backplane.ts';

export interface PortRequestSettings {
  /** How long the parent has to answer, in ms. */
  readonly answerTimeoutMs: number;
  /** Requests without an answer; further ones are refused. */
  readonly requestsMax: number;
  /** Bytes that they carry. */
  readonly requestBytesMax: number;
}

export const defaultPortRequestSettings: PortRequestSettings = {
  answerTimeoutMs: 2000,
  requestsMax: 100_000,
  requestBytesMax: 64 * 1024 * 1024,
};

interface Waiting<Answer> {
  readonly bytes: number;
  /** True: without an answer nobody knows whether it was done. */
  readonly mayBeDone: boolean;
  readonly sentAtMs: number;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

export class PortRequests<Answer> {
  readonly #settings: PortRequestSettings;
  #waiting: Waiting<Answer>[] = [];
  #bytes = 0;
  /** How many of the oldest have failed by the clock already; their answers still have places. */
  #lateCount = 0;
  /** One error for all that are refused until the parent answers: overload must stay cheap. */
  #refusal: BackplaneUnavailableError | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(settings: PortRequestSettings) {
    this.#settings = settings;
  }

  /**
   * Resolves with the answer.
   * @param mayBeDone true: its failure for want of an answer is a `PublishOutcomeUnknownError`.
   */
  add(bytes: number, mayBeDone: boolean): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const sentAtMs = performance.now();
      this.#waiting.push({ bytes, mayBeDone, sentAtMs, resolve, reject });
      this.#bytes += bytes;
      this.#watch();
    });
  }

  /** The parent has answered the oldest ones, in order. */
  answer(answers: readonly Answer[]): void {
    this.#refusal = undefined;
    this.#lateCount = Math.max(0, this.#lateCount - answers.length);
    const answered = this.#waiting.splice(0, answers.length);
    for (const [index, answer] of answers.entries()) {
      const waiting = answered[index];
      if (waiting === undefined) return;
      this.#bytes -= waiting.bytes;
      waiting.resolve(answer);
    }
  }

  /** Fails all; the last `unsentCount` of them were not sent. */
  failAll(why: string, unsentCount: number): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const failed = this.#waiting;
    const sentCount = failed.length - unsentCount;
    this.#waiting = [];
    this.#bytes = 0;
    this.#lateCount = 0;
    const errors = unanswered(`any more: ${why}`);
    const unsent = new BackplaneUnavailableError(why);
    for (const [index, { mayBeDone, reject }] of failed.entries()) {
      reject(index < sentCount ? errors(mayBeDone) : unsent);
    }
  }

  /** @throws BackplaneUnavailableError while too much waits. */
  refuseBeyondBounds(): void {
    const { requestBytesMax, requestsMax } = this.#settings;
    if (this.#waiting.length < requestsMax && this.#bytes < requestBytesMax) return;
    this.#refusal ??= new BackplaneUnavailableError(
      `${this.#waiting.length} requests wait for the parent process of this worker; try again`,
    );
    throw this.#refusal;
  }

  #watch(): void {
    if (this.#timer !== undefined) return;
    const { answerTimeoutMs } = this.#settings;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#failLate(performance.now() - answerTimeoutMs);
      if (this.#waiting.length > 0) this.#watch();
    }, answerTimeoutMs / 4);
  }

  #failLate(beforeMs: number): void {
    const errors = unanswered(`within ${this.#settings.answerTimeoutMs} ms`);
    for (;;) {
      const waiting = this.#waiting[this.#lateCount];
      if (waiting === undefined || waiting.sentAtMs > beforeMs) break;
      this.#lateCount += 1;
      waiting.reject(errors(waiting.mayBeDone));
    }
  }
}

/** The errors of requests that were sent: one for all that may be done, one for all others. */
function unanswered(why: string): (mayBeDone: boolean) => Error {
  const message = `The parent process of this worker did not answer ${why}`;
  const unknown = new PublishOutcomeUnknownError(message);
  const unavailable = new BackplaneUnavailableError(message);
  return (mayBeDone) => (mayBeDone ? unknown : unavailable);
}
