/** What the client needs of the world around it, so that tests and other runtimes can bring theirs. */

export interface Clock {
  /** Monotonic milliseconds. */
  nowMs(): number;
  /** Calls back once after `delayMs`, unless the returned function is called before. */
  after(delayMs: number, callback: () => void): () => void;
}

/** What is read of the events of a WebSocket; which properties there are depends on the type. */
export interface SocketEvent {
  readonly type?: string;
  /** Of `message`. */
  readonly data?: unknown;
  /** Of `close`. */
  readonly code?: number;
  readonly reason?: string;
  /** Of `error`, in some runtimes. */
  readonly message?: string;
}

/** The part of a WebSocket that is used; that of browsers and that of `ws` fit. */
export interface SocketLike {
  addEventListener(
    type: 'message' | 'close' | 'error',
    listener: (event: SocketEvent) => void,
  ): void;
  /** Set to `arraybuffer` where bytes are read. */
  binaryType?: string;
  send(data: string | Uint8Array): void;
  close(code?: number, reason?: string): void;
}

export type SocketConstructor = new (url: string, subprotocols: string[]) => SocketLike;

export type WakeReason = 'online' | 'visible';

export interface Environment {
  readonly clock: Clock;
  /** 0 to below 1. */
  readonly random: () => number;
  /** Unguessable, 1 to 128 characters. */
  readonly randomId: () => string;
  readonly WebSocket: SocketConstructor;
  /** Calls back when trying again makes sense at once; returns a function that ends that. */
  readonly onWake: (callback: (reason: WakeReason) => void) => () => void;
}

interface Page extends EventTarget {
  readonly visibilityState: string;
}

/** Setting a timer for longer makes it run at once. */
const timerMsMax = 2 ** 31 - 1;

const clock: Clock = {
  nowMs: () => performance.now(),
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, Math.min(delayMs, timerMsMax));
    return () => clearTimeout(timer);
  },
};

/** `crypto.randomUUID` exists on secure pages only, these bytes everywhere. */
function randomId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function onWake(callback: (reason: WakeReason) => void): () => void {
  // A browser's window has these; other runtimes may lack all of them.
  const scope = globalThis as Partial<EventTarget> & { readonly document?: Page };
  const page = scope.document;
  const onOnline = (): void => callback('online');
  const onVisible = (): void => {
    if (page?.visibilityState === 'visible') callback('visible');
  };
  scope.addEventListener?.('online', onOnline);
  page?.addEventListener('visibilitychange', onVisible);
  return () => {
    scope.removeEventListener?.('online', onOnline);
    page?.removeEventListener('visibilitychange', onVisible);
  };
}

/** The runtime's own. `WebSocket` is undefined where it has none (Node.js before 22). */
export const runtime: Omit<Environment, 'WebSocket'> & {
  readonly WebSocket: SocketConstructor | undefined;
} = {
  clock,
  random: Math.random,
  randomId,
  onWake,
  // Looked at when a client is made: a test or a polyfill may bring it late.
  get WebSocket() {
    // The standard's constructor fits, where there is one.
    return (globalThis as { readonly WebSocket?: SocketConstructor }).WebSocket;
  },
};
