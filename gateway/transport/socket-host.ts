/** What all sockets of one server share: counters, the corked writer, and reporting. */
import type { Frame } from '../protocol/codec.ts';
import type { TransportCounters } from './counters.ts';
import type { NativeSocket } from './uws-socket.ts';

export interface SocketHostOptions {
  readonly counters: TransportCounters;
  readonly frameBytesMax: number;
  readonly now: () => number;
  readonly onError: (error: unknown) => void;
}

const noFrames: readonly Frame[] = [];

export class SocketHost {
  readonly counters: TransportCounters;
  readonly frameBytesMax: number;
  readonly now: () => number;
  readonly #onError: (error: unknown) => void;
  /** One function for every cork: a closure per write would be garbage per write. */
  readonly #sendFrames: () => void;
  #native: NativeSocket | undefined;
  #frames: readonly Frame[] = noFrames;
  #hasRoom = true;

  constructor(options: SocketHostOptions) {
    this.counters = options.counters;
    this.frameBytesMax = options.frameBytesMax;
    this.now = options.now;
    this.#onError = options.onError;
    this.#sendFrames = () => {
      this.#sendCurrent();
    };
  }

  /** Sends frames in one cork. False: the send buffer is full, a frame was dropped. */
  writeCorked(native: NativeSocket, frames: readonly Frame[]): boolean {
    this.counters.writes += 1;
    this.#native = native;
    this.#frames = frames;
    this.#hasRoom = true;
    native.cork(this.#sendFrames);
    this.#native = undefined;
    this.#frames = noFrames;
    return this.#hasRoom;
  }

  /** Runs `task` when the current callback and its calls are over. */
  defer(task: () => void): void {
    queueMicrotask(task);
  }

  /** A handler threw. */
  report(error: unknown): void {
    this.counters.handlerErrors += 1;
    try {
      this.#onError(error);
    } catch {
      // The reporter is the last resort; its own failure must not reach the native caller.
      this.counters.handlerErrors += 1;
    }
  }

  #sendCurrent(): void {
    const native = this.#native;
    if (native === undefined) return;
    const counters = this.counters;
    for (const frame of this.#frames) {
      if (native.send(frame.bytes, frame.isBinary, false) === 2) {
        counters.droppedSends += 1;
        this.#hasRoom = false;
        return;
      }
      counters.framesOut += 1;
      counters.bytesOut += frame.bytes.length;
    }
  }
}
