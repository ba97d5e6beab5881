/**
 * The contract between a gateway node and the store that retains the history of streams. Stores
 * implement it; test/conformance holds the suite that each must pass. A store never computes an
 * offset for its caller, and no caller computes one: entries name their predecessors.
 */

/** How much of a stream is kept. What is over any of the bounds is dropped from the old end. */
export interface RetentionClass {
  /** A letter, then up to 31 letters and digits; names things at the broker. */
  readonly name: string;
  readonly messagesMax: number;
  /** Age in ms by the store's own clock. */
  readonly ageMsMax: number;
  /** Bytes of envelopes; see `traits.boundsBytes` for whose. */
  readonly bytesMax: number;
}

/** One stream: a destination's key, and the class that it is retained by. */
export interface StreamRef {
  readonly key: string;
  readonly retention: RetentionClass;
}

/**
 * A place in a stream: after the entry with this offset. Compare epochs before offsets: another
 * epoch is another history. Offset 0: before the first entry.
 */
export interface Position {
  readonly epoch: string;
  readonly offset: number;
  /**
   * Fingerprint of the publication at `offset` (`publicationTag` of its id; 0 where there is none).
   * By it a store notices that it has come back with a shorter history and has used the offset
   * again: it is what tells two terms of one epoch apart.
   */
  readonly tag: number;
}

/** A publication that is retained. */
export interface StreamEntry {
  readonly epoch: string;
  readonly offset: number;
  /**
   * Offset of the entry before it, 0 for the first of the epoch. undefined: the store cannot say,
   * because what came before is not retained any more.
   */
  readonly prev: number | undefined;
  readonly tag: number;
  /** Ms since 1970 by the store's clock. */
  readonly storedAtMs: number;
  /** The publication's envelope, as it was appended. */
  readonly bytes: Uint8Array;
}

export interface Appended {
  readonly position: Position;
  readonly prev: number | undefined;
  /** True: the id was appended before; `position` is that of the first time. */
  readonly isDuplicate: boolean;
}

/** Where a stream ends. */
export interface StreamTop {
  /** The newest entry; offset 0 when there is none of which the store knows. */
  readonly newest: Position;
  /**
   * Who has everything up to `newest` is complete up to here: the same place, or a later one where
   * several streams share one sequence of offsets.
   */
  readonly end: Position;
  /** Offset of the oldest entry that is retained; undefined: none is. */
  readonly oldest: number | undefined;
}

export interface ReadRequest {
  /** Entries after this place. */
  readonly after: Position;
  /** No entries beyond this offset; undefined: to the newest. */
  readonly upTo: number | undefined;
  /** At most so many entries. */
  readonly limit: number;
}

/**
 * `diverged`: the store has no history in which `after` lies: another epoch, an offset that it has
 * not reached, or another publication at that offset. Nothing can be concluded from it but `top`.
 */
export type ReadResult =
  | {
      readonly status: 'read';
      /**
       * Oldest first, without a hole between them. Where streams share one sequence, `prev` of the
       * first may be the offset of `after`, which need not be an entry of this stream.
       */
      readonly entries: readonly StreamEntry[];
      /** False: retention has taken entries between `after` and the first of `entries`. */
      readonly isComplete: boolean;
      /** True: there is more up to `upTo`; read again after the last entry. */
      readonly hasMore: boolean;
      readonly top: StreamTop;
    }
  | { readonly status: 'diverged'; readonly top: StreamTop };

export interface HistoryRequest {
  /** Entries below this offset; undefined: from the newest. */
  readonly before: number | undefined;
  readonly limit: number;
}

export interface HistoryPage {
  /** Newest first. */
  readonly entries: readonly StreamEntry[];
  /** True: older ones are retained. */
  readonly hasMore: boolean;
  readonly top: StreamTop;
}

/** What a store can and cannot do; callers decide by these and never by its name. */
export interface StreamStoreTraits {
  /**
   * True: `append` has also published the stored envelope (stored-envelope.ts) on the stream's key
   * to every node that subscribed it on the backplane of the same broker, in one step with storing
   * it. False: who appended publishes it.
   */
  readonly publishesLive: boolean;
  /** True: nodes in other processes see the same streams. */
  readonly crossesProcesses: boolean;
  /** Largest envelope that `append` accepts, in bytes. */
  readonly entryBytesMax: number;
  /** True: the streams of a class share one epoch and one sequence; `end` of one is that of all. */
  readonly sharesEpoch: boolean;
  /** Whose bytes `bytesMax` bounds: each stream's, or those of the whole class. */
  readonly boundsBytes: 'stream' | 'class';
  /** How long an id is remembered at least, in ms, as long as its entry is retained. */
  readonly dedupeMs: number;
}

/** What may have happened to many streams at once. */
export interface StreamStoreSink {
  /** Positions must be checked: the store was away, or another server answers now. */
  onDoubt(reason: string): void;
}

/**
 * Envelopes in one answer of `read` or `readBack` have so many bytes together, about; at least one
 * entry is in it. What is left out is told by `hasMore`.
 */
export const answerBytesMax = 1024 * 1024;

export interface StreamStore {
  readonly traits: StreamStoreTraits;
  /** What the store counts since its start, by name, for the metrics page. */
  readonly counters?: Readonly<Record<string, number>>;
  /**
   * Connects, and makes at the broker what it needs. Called once, before everything else.
   * @throws BackplaneUnavailableError when the store cannot be used; says which and what to do.
   */
  start(sink: StreamStoreSink): Promise<void>;
  /**
   * Stores a publication under its id, or finds that it was stored before. Bytes are read before
   * the call returns or are kept unchanged by the store. What is appended in one turn of the event
   * loop goes out together; per stream the order of the calls is kept.
   * @throws BackplaneUnavailableError: not stored. PublishOutcomeUnknownError: nobody knows; try
   *   again with the same id.
   */
  append(stream: StreamRef, bytes: Uint8Array, id: string): Promise<Appended>;
  /**
   * Reads forward. Never answers from a copy that lags behind what was acknowledged.
   * @throws BackplaneUnavailableError
   */
  read(stream: StreamRef, request: ReadRequest): Promise<ReadResult>;
  /** Reads backward. @throws BackplaneUnavailableError */
  readBack(stream: StreamRef, request: HistoryRequest): Promise<HistoryPage>;
  /**
   * Where streams end, in the order asked. A stream that nobody appended to has an epoch from now
   * on, so that who begins to read it notices a loss.
   * @throws BackplaneUnavailableError
   */
  tops(streams: readonly StreamRef[]): Promise<readonly StreamTop[]>;
  /** Drops all entries; epoch and offsets go on. @throws BackplaneUnavailableError */
  purge(stream: StreamRef): Promise<void>;
  /** True while appends have a chance. */
  isUp(): boolean;
  /** Idempotent. */
  close(): Promise<void>;
}
