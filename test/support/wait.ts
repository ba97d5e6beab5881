/** Waiting for a condition, with a deadline: what tests do instead of sleeping. */
import { setTimeout as sleep } from 'node:timers/promises';

export interface WaitOptions {
  /** Completes the sentence "gave up waiting until ...". */
  readonly what: string;
  /** From then on it has failed; generous, because only failing tests wait for it. */
  readonly deadlineMs?: number;
}

const defaultDeadlineMs = 10_000;
const pollMs = 2;

/**
 * Resolves with the first value of `condition` that is neither `false` nor `undefined`.
 * @throws when there is none before the deadline, naming `what`.
 */
export async function waitFor<T>(
  condition: () => T | Promise<T>,
  options: WaitOptions,
): Promise<Exclude<T, false | undefined>> {
  const { deadlineMs = defaultDeadlineMs, what } = options;
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    const value = await condition();
    // The excluded values are those that have just been tested for.
    if (value !== false && value !== undefined) return value as Exclude<T, false | undefined>;
    if (performance.now() > deadline) {
      throw new Error(`gave up waiting until ${what}, after ${deadlineMs} ms`);
    }
    await sleep(pollMs);
  }
}

/** Rejects, naming `what`, when `promise` has not settled before the deadline. */
export async function withDeadline<T>(promise: Promise<T>, options: WaitOptions): Promise<T> {
  const { deadlineMs = defaultDeadlineMs, what } = options;
  let timer: NodeJS.Timeout | undefined;
  const expiry = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => reject(new Error(`gave up waiting until ${what}, after ${deadlineMs} ms`)),
      deadlineMs,
    );
  });
  try {
    return await Promise.race([promise, expiry]);
  } finally {
    clearTimeout(timer);
  }
}
