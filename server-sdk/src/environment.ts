/** What this package needs of the world around it, so that tests and other runtimes can bring theirs. */

export interface FetchInit {
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly body?: string | Uint8Array<ArrayBuffer>;
  readonly signal: AbortSignal;
}

/** The part of a response that is read. */
export interface FetchResponse {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  text(): Promise<string>;
}

/** That of the standard fits. */
export type Fetch = (url: string, init: FetchInit) => Promise<FetchResponse>;

export interface Environment {
  /** Monotonic milliseconds. */
  readonly nowMs: () => number;
  /** Milliseconds since 1970, for tokens. */
  readonly wallMs: () => number;
  /** Calls back once after `delayMs`, unless the returned function is called before. */
  readonly after: (delayMs: number, callback: () => void) => () => void;
  /** 0 to below 1. */
  readonly random: () => number;
  /** Unguessable, printable ASCII, 1 to 255 characters. */
  readonly randomId: () => string;
}

/** The runtime's own. */
export const runtime: Environment = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
  random: () => Math.random(),
  randomId: () => crypto.randomUUID(),
};
