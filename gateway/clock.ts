/**
 * Time as the gateway uses it, so that tests can hold it still: durations from a monotonic clock,
 * never from the wall clock; the wall clock only where another party's time is compared with ours.
 */
export interface Clock {
  /** Monotonic milliseconds from an arbitrary origin. */
  monotonicMs(): number;
  /** Seconds since 1970, with fractions. */
  wallSeconds(): number;
  /** Runs `callback` once all input that is ready now has been handled. */
  afterTurn(callback: () => void): void;
  /** Runs `callback` once, after `delayMs`, unless the returned function is called before. */
  after(delayMs: number, callback: () => void): () => void;
  /** Runs `callback` about every `periodMs` until the returned function is called. */
  every(periodMs: number, callback: () => void): () => void;
}

export const systemClock: Clock = {
  monotonicMs: () => performance.now(),
  wallSeconds: () => Date.now() / 1000,
  afterTurn: (callback) => {
    setImmediate(callback);
  },
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
  every: (periodMs, callback) => {
    const timer = setInterval(callback, periodMs);
    // Housekeeping alone does not keep a process alive.
    timer.unref();
    return () => clearInterval(timer);
  },
};
