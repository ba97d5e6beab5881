/** A tab's socket, from the side of the switchboard. */
import type { GatewayFrame } from '../wire.ts';
import { resumeCode, type SwitchboardNote } from './notes.ts';

/** The way back to a tab's socket. */
export interface Caller {
  post(note: SwitchboardNote): void;
  /** Nothing will be posted any more. */
  close(): void;
}

export interface TabPortOptions {
  readonly caller: Caller;
  /** It was closed from this side. */
  readonly onClosed: () => void;
}

/** Characters that a tab may leave unread until it is closed, to resume when it can. */
const unreadMax = 4_000_000;

export class TabPort {
  readonly #options: TabPortOptions;
  readonly #lines: string[] = [];
  #unread = 0;
  #isOver = false;
  /** When it was sent something, in ms of the switchboard's clock. */
  sentAtMs = 0;

  constructor(options: TabPortOptions) {
    this.#options = options;
  }

  /** Sent at the next `flush`. */
  say(frame: GatewayFrame): void {
    this.sayLine(JSON.stringify(frame));
  }

  /** The same, for an object that is text already. */
  sayLine(line: string): void {
    if (!this.#isOver) this.#lines.push(line);
  }

  /** Sends what was said, as one frame. */
  flush(nowMs: number): void {
    if (this.#isOver || this.#lines.length === 0) return;
    if (this.#unread > unreadMax) return this.close(resumeCode, 'The tab reads too slowly');
    const text = this.#lines.join('\n');
    this.#lines.length = 0;
    this.#unread += text.length;
    this.sentAtMs = nowMs;
    this.#options.caller.post({ kind: 'text', text });
  }

  noteRead(characters: number): void {
    this.#unread -= characters;
  }

  /** Idempotent. What was said before arrives before. */
  close(code: number, reason: string): void {
    if (this.#isOver) return;
    const { caller, onClosed } = this.#options;
    if (this.#lines.length > 0 && this.#unread <= unreadMax) {
      caller.post({ kind: 'text', text: this.#lines.join('\n') });
    }
    caller.post({ kind: 'close', code, reason });
    this.drop();
    onClosed();
  }

  /** The tab is gone, or has closed it: nothing is sent any more. */
  drop(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#options.caller.close();
  }
}
