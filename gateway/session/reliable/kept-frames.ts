/**
 * Message frames that outlive their turn, because a reliable connection has not acknowledged them.
 * All connections of the node that wait for the same message share one copy of its bytes.
 */
import type { Frame } from '../../protocol/codec.ts';

/** A frame over bytes of its own. Owned by `KeptFrames`. */
export interface KeptFrame extends Frame {
  /** How many outboxes hold it. */
  holders: number;
}

export class KeptFrames {
  /** Bytes that all outboxes of the node may hold. */
  readonly bytesMax: number;
  readonly #onFull: () => void;
  /** By the frame of the fan-out, which is the same object for all receivers of one encoding. */
  readonly #byFrame = new WeakMap<Frame, KeptFrame>();
  /** Bytes held, each copy counted once. */
  bytes = 0;

  /** @param onFull is called whenever a further message is held, and more is than may be. */
  constructor(bytesMax: number, onFull: () => void) {
    this.bytesMax = bytesMax;
    this.#onFull = onFull;
  }

  /** True: more is held than the node may. */
  get isFull(): boolean {
    return this.bytes > this.bytesMax;
  }

  /** The frame to hold instead of this one; end it with `release`. */
  keep(frame: Frame): KeptFrame {
    const known = this.#byFrame.get(frame);
    const kept = known ?? { bytes: ownCopy(frame.bytes), isBinary: frame.isBinary, holders: 0 };
    if (known === undefined) this.#byFrame.set(frame, kept);
    kept.holders += 1;
    if (kept.holders === 1) {
      this.bytes += kept.bytes.length;
      if (this.isFull) this.#onFull();
    }
    return kept;
  }

  release(kept: KeptFrame): void {
    kept.holders -= 1;
    if (kept.holders === 0) this.bytes -= kept.bytes.length;
  }
}

/** Frames are cut from a pool, and would keep all of it alive. */
function ownCopy(bytes: Uint8Array): Uint8Array {
  const owned = Buffer.allocUnsafeSlow(bytes.length);
  owned.set(bytes);
  return owned;
}
