/** Whether a call is made again, and when: a random part of a bound that doubles (full jitter). */
import type { TrunklineError } from './errors.ts';
import type { Settings } from './options.ts';

/** Nothing was done: whoever answered so had too much to do. */
const refusedBecauseBusy = 429;
/** Nobody knows what was done. */
const outcomesUnknown: ReadonlySet<number> = new Set([502, 503, 504]);

export interface FailedAttempt {
  readonly error: TrunklineError;
  /** 0: the first. */
  readonly attempt: number;
  /** True: a second time has no second effect. */
  readonly isRepeatable: boolean;
  /** How long the call may take from now on. */
  readonly leftMs: number;
}

/** How long to wait before the next attempt; undefined: there is none. */
export function retryDelayMs(
  failed: FailedAttempt,
  settings: Pick<Settings, 'retries' | 'backoffBaseMs' | 'backoffCapMs'>,
  random: () => number,
): number | undefined {
  const { attempt, error, leftMs } = failed;
  if (attempt >= settings.retries || !mayRepeat(failed)) return undefined;
  const boundMs = Math.min(settings.backoffCapMs, settings.backoffBaseMs * 2 ** attempt);
  // The gateway says the same to all, so they must not come back together.
  const delayMs = (error.retryAfterMs ?? 0) + Math.round(random() * boundMs);
  return delayMs < leftMs ? delayMs : undefined;
}

function mayRepeat({ error, isRepeatable }: FailedAttempt): boolean {
  if (error.status === refusedBecauseBusy) return true;
  if (!isRepeatable) return false;
  if (error.code === 'network' || error.code === 'timeout') return true;
  return error.status !== undefined && outcomesUnknown.has(error.status);
}

/** `Retry-After` is seconds or a date. undefined: it is not there, or neither. */
export function retryAfterMs(header: string | null, wallMs: number): number | undefined {
  if (header === null) return undefined;
  if (/^\d+$/.test(header)) return Number(header) * 1000;
  const dateMs = Date.parse(header);
  return Number.isNaN(dateMs) ? undefined : Math.max(0, dateMs - wallMs);
}
