/** Calls of other nodes that are made again until somebody answers, or the time is over. */
import type { z } from 'zod';
import type { Clock } from '../../../clock.ts';
import type { NodeCalls } from '../../../router/ports.ts';

export interface PersistentCallsOptions {
  readonly calls: NodeCalls;
  readonly clock: Pick<Clock, 'monotonicMs' | 'after' | 'every'>;
}

export interface Question<T> {
  readonly nodeId: string;
  readonly call: string;
  readonly args: readonly unknown[];
  readonly answer: z.ZodType<T>;
  /** Time of the monotonic clock in ms after which nobody waits. */
  readonly untilMs: number;
  /** Aborted: nobody waits any more. */
  readonly signal?: AbortSignal;
}

/** Nobody answered in time; the call may have been executed. */
export class UnansweredError extends Error {
  override readonly name = 'UnansweredError';
}

const againAfterMs = 200;

export class PersistentCalls {
  readonly #options: PersistentCallsOptions;

  constructor(options: PersistentCallsOptions) {
    this.#options = options;
  }

  /** @throws UnansweredError; a ZodError when the answer is of another version. */
  ask<T>({ answer, args, call, nodeId, signal, untilMs }: Question<T>): Promise<T> {
    const { calls, clock } = this.#options;
    return new Promise((resolve, reject) => {
      const again = (): void => {
        calls.call(nodeId, call, args).then(
          (value) => {
            stop();
            const { data, error } = answer.safeParse(value);
            if (data === undefined) reject(error ?? new Error(`${call} was answered by nothing`));
            else resolve(data);
          },
          // Lost, refused or late: the next one may not be.
          () => undefined,
        );
      };
      const stopAsking = clock.every(againAfterMs, again);
      const giveUp = (): void => {
        stop();
        reject(new UnansweredError(`Node ${nodeId} has not answered ${call} in time`));
      };
      const cancel = clock.after(Math.max(0, untilMs - clock.monotonicMs()), giveUp);
      const stop = (): void => {
        stopAsking();
        cancel();
        signal?.removeEventListener('abort', giveUp);
      };
      signal?.addEventListener('abort', giveUp);
      again();
    });
  }
}
