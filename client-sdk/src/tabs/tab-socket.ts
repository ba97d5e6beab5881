/** The WebSocket of a tab's client: its frames go by the connection that all tabs share. */
import type { SocketEvent, SocketLike } from '../environment.ts';
import type { TabsEnvironment } from './environment.ts';
import { holdLock } from './locks.ts';
import { resumeCode, scoped, type SwitchboardNote, type TabNote } from './notes.ts';

/** The way of one socket to the switchboard. */
export interface Route {
  post(note: TabNote): void;
  /** Nothing is called after it. */
  close(): void;
}

export interface RouteEvents {
  onNote(note: SwitchboardNote): void;
  /** The switchboard is gone, or another one has taken its place. */
  onLost(): void;
  /** It does not work in this browser. */
  onUnusable(): void;
}

/** Opens a way, on which the note is the first one. */
export type OpenRoute = (opening: TabNote, events: RouteEvents) => Route;

export interface TabSocketOptions {
  readonly url: string;
  readonly environment: TabsEnvironment;
  readonly openRoute: OpenRoute;
  /** The next socket must go another way. */
  readonly onUnusable: () => void;
}

type Listener = (event: SocketEvent) => void;

/** Characters that are read before the switchboard is told so. */
const readStep = 100_000;

export class TabSocket implements SocketLike {
  readonly #options: TabSocketOptions;
  readonly #id: string;
  readonly #listeners = new Map<string, Listener[]>();
  readonly #endings: (() => void)[] = [];
  #route: Route | undefined;
  #unread = 0;
  #isOver = false;

  constructor(options: TabSocketOptions) {
    const { environment } = options;
    this.#options = options;
    this.#id = environment.randomId();
    this.#endings.push(
      environment.onSleep(() => this.#end(resumeCode, 'The page is frozen or left')),
    );
    if (environment.locks === undefined) this.#open();
    else this.#openHolding(scoped('tab', this.#id), environment.locks);
  }

  addEventListener(type: 'message' | 'close' | 'error', listener: Listener): void {
    this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listener]);
  }

  send(text: string): void {
    this.#route?.post({ kind: 'text', id: this.#id, text });
  }

  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#route?.post({ kind: 'close', id: this.#id });
    this.#route?.close();
    for (const end of this.#endings) end();
  }

  /** While it holds the lock of its id, it is alive: that is how the switchboard sees a tab die. */
  #openHolding(name: string, locks: NonNullable<TabsEnvironment['locks']>): void {
    const release = holdLock(locks, name, {
      onHeld: () => this.#open(),
      onLost: () => this.#endUnusable(),
    });
    this.#endings.push(release);
  }

  #open(): void {
    if (this.#isOver) return;
    const { openRoute, url } = this.#options;
    try {
      this.#route = openRoute(
        { kind: 'open', id: this.#id, url },
        {
          onNote: (note) => this.#onNote(note),
          onLost: () => this.#end(resumeCode, 'Another tab keeps the connection now'),
          onUnusable: () => this.#endUnusable(),
        },
      );
    } catch (error) {
      // The caller is still making this socket: it gets the end as an event.
      queueMicrotask(() => this.#endUnusable(String(error)));
    }
  }

  #onNote(note: SwitchboardNote): void {
    if (this.#isOver) return;
    if (note.kind === 'close') return this.#end(note.code, note.reason);
    if (note.kind !== 'text') return;
    const { length } = note.text;
    this.#unread += length;
    this.#fire('message', { data: note.text });
    if (this.#unread < readStep) return;
    const characters = this.#unread;
    this.#unread = 0;
    if (!this.#isOver) this.#route?.post({ kind: 'read', id: this.#id, characters });
  }

  #endUnusable(reason = 'This browser does not let tabs share'): void {
    this.#options.onUnusable();
    this.#end(resumeCode, reason);
  }

  #end(code: number, reason: string): void {
    if (this.#isOver) return;
    this.close();
    this.#fire('close', { code, reason });
  }

  #fire(type: string, event: SocketEvent): void {
    for (const listener of this.#listeners.get(type) ?? []) listener(event);
  }
}
