/** What sharing a connection needs of a browser, so that tests can bring their own. */
import { runtime, type Clock, type SocketConstructor } from '../environment.ts';
import type { LeaderNote, SwitchboardNote, TabNote } from './notes.ts';

/** The part of `navigator.locks` that is used. */
export interface Locks {
  request(
    name: string,
    options: { readonly signal?: AbortSignal; readonly steal?: boolean },
    callback: () => Promise<void>,
  ): Promise<unknown>;
}

/** The part of a `BroadcastChannel` and of a `MessagePort` that is used. */
export interface NoteChannel {
  postMessage(note: unknown): void;
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void;
  /** Of a `MessagePort`: without it nothing arrives. */
  start?(): void;
  close(): void;
}

/** The part of a `SharedWorker` that is used. */
export interface WorkerHandle {
  readonly port: NoteChannel;
  addEventListener(type: 'error', listener: () => void): void;
}

/** Same origin only, by what a channel is; a window's `postMessage` is another thing. */
export function send(channel: NoteChannel, note: TabNote | SwitchboardNote | LeaderNote): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- this is no window
  channel.postMessage(note);
}

export interface TabsEnvironment {
  readonly clock: Clock;
  /** Milliseconds since 1970, equal in all tabs. */
  readonly wallMs: () => number;
  /** 0 to below 1. */
  readonly random: () => number;
  readonly randomId: () => string;
  readonly WebSocket: SocketConstructor | undefined;
  /** Undefined where the runtime has none; the same holds for the next two. */
  readonly locks: Locks | undefined;
  readonly openChannel: ((name: string) => NoteChannel) | undefined;
  readonly openWorker: ((url: string, name: string) => WorkerHandle) | undefined;
  /** Calls back when the page is frozen or left; returns a function that ends that. */
  readonly onSleep: (callback: () => void) => () => void;
}

type Opener<Handle> = new (name: string, options?: { readonly name: string }) => Handle;

interface Browser extends Partial<EventTarget> {
  readonly document?: EventTarget;
  readonly navigator?: { readonly locks?: Locks };
  readonly BroadcastChannel?: Opener<NoteChannel>;
  readonly SharedWorker?: Opener<WorkerHandle>;
}

function onSleep(callback: () => void): () => void {
  // A page has these.
  const scope = globalThis as unknown as Browser;
  scope.document?.addEventListener('freeze', callback);
  scope.addEventListener?.('pagehide', callback);
  return () => {
    scope.document?.removeEventListener('freeze', callback);
    scope.removeEventListener?.('pagehide', callback);
  };
}

/** The browser's own, looked at when it is called. Outside of a page there is nothing to share. */
export function runtimeOf(): TabsEnvironment {
  // The standard's classes fit, where there are any.
  const { BroadcastChannel, SharedWorker, document, navigator } = globalThis as unknown as Browser;
  const { clock, random, randomId, WebSocket } = runtime;
  const isPage = document !== undefined;
  return {
    clock,
    wallMs: () => Date.now(),
    random,
    randomId,
    WebSocket,
    locks: navigator?.locks,
    openChannel:
      BroadcastChannel !== undefined && isPage ? (name) => new BroadcastChannel(name) : undefined,
    openWorker:
      SharedWorker === undefined ? undefined : (url, name) => new SharedWorker(url, { name }),
    onSleep,
  };
}
