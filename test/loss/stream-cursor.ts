/** How far a client has got in one stream, by the rules of docs/PROTOCOL.md. */
import type { Place } from './recording.ts';

export interface Link {
  readonly offset: number;
  readonly prev?: number;
  readonly tag: number;
}

/** `next`: it is the client's now. `old`: it had it. `hole`: something is missing before it. */
export type Verdict = 'next' | 'old' | 'hole';

export class StreamCursor {
  /** undefined: the client does not follow the stream yet. */
  place: Place | undefined;
  /** Messages that came again. */
  ignored = 0;

  /** Judges a message or a skip, and goes on to it where it is the next. */
  take({ offset, prev, tag }: Link): Verdict {
    const { place } = this;
    if (place === undefined) return 'hole';
    if (offset <= place.offset) {
      this.ignored += 1;
      return 'old';
    }
    if (prev !== undefined && prev > place.offset) return 'hole';
    this.place = { epoch: place.epoch, offset, tag };
    return 'next';
  }

  /** The stream is complete up to this place, which may be behind or of another epoch. */
  lift(place: Place): void {
    if (this.place?.epoch === place.epoch && place.offset > this.place.offset) this.place = place;
  }
}
