/** A WebSocket of simulated time: frames arrive in order, a slow reader fills the kernel's buffer. */
import type { CloseCode } from '../../gateway/protocol/close-codes.ts';
import type { Frame } from '../../gateway/protocol/codec.ts';
import type { SendOutcome, Socket } from '../../gateway/transport/transport.ts';
import type { Scheduler } from './scheduler.ts';

export interface SimSocketEvents {
  /** The client has read a frame. */
  readonly onText: (text: string) => void;
  /** The client sees the end of the connection. */
  readonly onEnd: (code: number) => void;
  /** The kernel took what was buffered. */
  readonly onDrain: () => void;
}

const kernelBytes = 2000;
const delayMs = 3;

export class SimSocket implements Socket {
  isOpen = true;
  readonly #scheduler: Scheduler;
  readonly #events: SimSocketEvents;
  #unread: Frame[] = [];
  #unreadBytes = 0;
  #endsWith: number | undefined;
  #isReading = true;
  #isPumping = false;
  #isGone = false;

  constructor(scheduler: Scheduler, events: SimSocketEvents) {
    this.#scheduler = scheduler;
    this.#events = events;
  }

  send(frame: Frame): SendOutcome {
    if (!this.isOpen) return 'dropped';
    return this.write([frame]) > 0 ? 'buffered' : 'sent';
  }

  write(frames: readonly Frame[]): number {
    if (!this.isOpen) return -1;
    for (const { bytes, isBinary } of frames) {
      this.#unread.push({ bytes: new Uint8Array(bytes), isBinary });
      this.#unreadBytes += bytes.length;
    }
    this.#pump();
    return this.bufferedBytes();
  }

  bufferedBytes(): number {
    return this.isOpen ? Math.max(0, this.#unreadBytes - kernelBytes) : 0;
  }

  end(code: CloseCode): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.#endsWith = code;
    this.#pump();
  }

  /** The connection is gone at once, with everything that was not read. */
  cut(): void {
    this.isOpen = false;
    if (this.#isGone) return;
    this.#isGone = true;
    this.#unread = [];
    this.#scheduler.after(delayMs, () => this.#events.onEnd(1006));
  }

  /** The client stops to read, or goes on. */
  setReading(isReading: boolean): void {
    this.#isReading = isReading;
    this.#pump();
  }

  #pump(): void {
    if (this.#isPumping || !this.#isReading || this.#isGone) return;
    this.#isPumping = true;
    this.#scheduler.after(delayMs, () => {
      this.#isPumping = false;
      this.#read();
    });
  }

  #read(): void {
    if (!this.#isReading || this.#isGone) return;
    const wasFull = this.bufferedBytes() > 0;
    const frames = this.#unread;
    this.#unread = [];
    this.#unreadBytes = 0;
    for (const { bytes } of frames) this.#events.onText(Buffer.from(bytes).toString());
    if (wasFull && this.isOpen) this.#events.onDrain();
    if (this.#unread.length > 0) this.#pump();
    else if (this.#endsWith !== undefined && !this.#isGone) {
      this.#isGone = true;
      this.#events.onEnd(this.#endsWith);
    }
  }
}
