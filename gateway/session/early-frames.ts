/**
 * Frames of a client that did not wait until its connection was ready. Kept in order and replayed;
 * bounded, because nobody has said yet that this client may send at all.
 */

const framesMax = 64;

interface EarlyFrame {
  readonly bytes: Uint8Array;
  readonly isBinary: boolean;
}

export class EarlyFrames {
  readonly #bytesMax: number;
  #frames: EarlyFrame[] = [];
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Copies the frame. False: it is one too many. */
  take(bytes: Uint8Array, isBinary: boolean): boolean {
    this.#bytes += bytes.length;
    if (this.#frames.length >= framesMax || this.#bytes > this.#bytesMax) return false;
    this.#frames.push({ bytes: new Uint8Array(bytes), isBinary });
    return true;
  }

  replay(onFrame: (bytes: Uint8Array, isBinary: boolean) => void): void {
    const frames = this.#frames;
    this.#frames = [];
    for (const { bytes, isBinary } of frames) onFrame(bytes, isBinary);
  }
}
