/** What can be asked of a stream, and what is answered; part of the ports of the router. */
import type { FilterSubject } from '../protocol/filter-subject.ts';
import type { Message, StreamPosition } from '../protocol/model.ts';

/** A stream's state, for the API. */
export interface StreamInfo {
  readonly retention: {
    readonly name: string;
    readonly messagesMax: number;
    readonly ageMsMax: number;
    readonly bytesMax: number;
  };
  readonly newest: StreamPosition;
  /** undefined: nothing is retained. */
  readonly oldestOffset: number | undefined;
}

export interface HistoryQuery {
  readonly after: StreamPosition | undefined;
  readonly before: number | undefined;
  readonly limit: number;
  readonly reverse: boolean;
  /** For whom: what excludes them or their filter is left out. undefined: a backend, gets all. */
  readonly reader: FilterSubject | undefined;
}

export interface History {
  readonly messages: readonly Message[];
  /** False: retention has taken messages from the range that was asked for. */
  readonly isComplete: boolean;
  readonly hasMore: boolean;
  /**
   * The last place that was looked at, whether its message is among these or not: go on after it
   * (reverse: before it). There while there is more.
   */
  readonly next: StreamPosition | undefined;
  readonly position: StreamPosition;
}
