/** Reads streams: forward with a proof of completeness, backward, and where they end. */
import { publicationTag } from '../../stored-envelope.ts';
import type {
  HistoryPage,
  HistoryRequest,
  Position,
  ReadRequest,
  ReadResult,
  StreamEntry,
  StreamTop,
} from '../../stream-store.ts';
import type { JetStreamApi, StoredMessage } from './api.ts';
import type { ClassStream, History } from './class-stream.ts';
import { FirstMessages, LastMessages, type Collector } from './collectors.ts';
import { isComplete, type Evidence } from './completeness.ts';
import { purgeSubject, storedSubject } from './names.ts';

/** Reads many messages of a subject at once; as `scan`. */
export type ScanRange = (
  range: {
    readonly stream: string;
    readonly subject: string;
    readonly from: number;
    readonly target: number;
  },
  onMessage: (message: StoredMessage) => boolean,
) => Promise<void>;

export interface ReaderOptions {
  readonly api: JetStreamApi;
  readonly scan: ScanRange;
  readonly walkMax: number;
}

/** Where a stream ends, together with the leader's view of its class before that was read. */
interface Ends {
  readonly history: History;
  readonly subject: string;
  readonly oldest: StoredMessage | undefined;
  readonly newest: StoredMessage | undefined;
  readonly top: StreamTop;
}

/** Messages of one subject from a sequence to another, both included. */
interface Range {
  readonly stream: string;
  readonly subject: string;
  readonly from: number;
  readonly end: number;
  /** Is given what was read, until it is full. */
  readonly into: Collector;
}

/** What is read for a page, as a multiple of what is asked for, when older entries are looked for. */
const pageFactor = 2;

export class Reader {
  readonly #options: ReaderOptions;

  constructor(options: ReaderOptions) {
    this.#options = options;
  }

  /** As `StreamStore.read`. */
  async forward(classStream: ClassStream, key: string, request: ReadRequest): Promise<ReadResult> {
    const { walkMax } = this.#options;
    const { after, limit, upTo = Infinity } = request;
    const { stream } = classStream.names;
    const { history, newest, subject, top } = await this.#ends(classStream, key);
    if (after.epoch !== history.epoch || after.offset > history.lastSequence) {
      return { status: 'diverged', top };
    }
    const end = Math.min(upTo, newest?.sequence ?? 0);
    const into = new FirstMessages(limit);
    await this.#collect({ stream, subject, from: after.offset + 1, end, into }, walkMax);
    const proof = await this.#prove(classStream, key, after);
    if (proof === 'diverged') return { status: 'diverged', top };
    const isWhole = proof === 'complete';
    const { hasMore, messages } = into.page();
    return {
      status: 'read',
      entries: chained(messages, after.epoch, isWhole ? after.offset : undefined),
      isComplete: isWhole,
      hasMore,
      top,
    };
  }

  /** As `StreamStore.readBack`. */
  async backward(
    classStream: ClassStream,
    key: string,
    { before = Infinity, limit }: HistoryRequest,
  ): Promise<HistoryPage> {
    const { walkMax } = this.#options;
    const { stream } = classStream.names;
    const { history, newest, oldest, subject, top } = await this.#ends(classStream, key);
    const end = Math.min(before - 1, newest?.sequence ?? 0);
    const first = oldest?.sequence ?? Infinity;
    if (end < first) return { entries: [], hasMore: false, top };
    const count = await classStream.count(subject);
    // As if entries lay evenly; each time that it was too few, four times as far back.
    let span = Math.ceil(((end - first + 1) / Math.max(1, count)) * (limit + 1) * pageFactor);
    for (;;) {
      const from = Math.max(first, end - span + 1);
      const into = new LastMessages(limit);
      const range = { stream, subject, from, end, into };
      await this.#collect(range, count <= walkMax ? walkMax : 0);
      if (into.isWhole || from === first) {
        const { hasMore, messages } = into.page();
        const entries = chained(messages, history.epoch, undefined);
        return { entries: entries.slice(hasMore ? 1 : 0).toReversed(), hasMore, top };
      }
      span *= 4;
    }
  }

  /** As `StreamStore.tops`, for streams of one class. */
  async tops(classStream: ClassStream, keys: readonly string[]): Promise<readonly StreamTop[]> {
    const history = await classStream.read();
    const end = await this.#end(classStream, history);
    const all = keys.map((key) => this.#ends(classStream, key, { history, end }));
    return (await Promise.all(all)).map(({ top }) => top);
  }

  async #ends(
    classStream: ClassStream,
    key: string,
    known?: { readonly history: History; readonly end: Position },
  ): Promise<Ends> {
    const { api } = this.#options;
    const { stream } = classStream.names;
    const subject = storedSubject(classStream.names, key);
    // First the end of all streams, so that nothing of this one below it can be missed.
    const history = known?.history ?? (await classStream.read());
    const [end, oldest, newest] = await Promise.all([
      known?.end ?? this.#end(classStream, history),
      api.next(stream, subject, history.firstSequence),
      api.last(stream, subject),
    ]);
    const { epoch } = history;
    const top = newest === undefined ? { epoch, offset: 0, tag: 0 } : positionOf(epoch, newest);
    return {
      history,
      subject,
      oldest,
      newest,
      top: {
        newest: top,
        end: end.offset > top.offset ? end : top,
        oldest: oldest?.sequence,
      },
    };
  }

  async #end(classStream: ClassStream, { epoch, lastSequence }: History): Promise<Position> {
    if (lastSequence === 0) return { epoch, offset: 0, tag: 0 };
    const message = await this.#options.api.at(classStream.names.stream, lastSequence);
    // Without a message there is no fingerprint; should one ever be there, it is another history.
    return message === undefined
      ? { epoch, offset: lastSequence, tag: 0 }
      : positionOf(epoch, message);
  }

  /**
   * Whether a read after this place that has ended was complete. All of it is asked now: what is still
   * retained was retained while the entries were read.
   */
  async #prove(
    classStream: ClassStream,
    key: string,
    after: Position,
  ): Promise<'complete' | 'incomplete' | 'diverged'> {
    const { api } = this.#options;
    const { names } = classStream;
    const subject = storedSubject(names, key);
    const [there, now, purge, newest] = await Promise.all([
      after.offset === 0 ? undefined : api.at(names.stream, after.offset),
      classStream.read(),
      api.last(names.stream, purgeSubject(names, key)),
      api.last(names.stream, subject),
    ]);
    if (now.epoch !== after.epoch || !isTheSame(after, there)) return 'diverged';
    const evidence: Evidence = {
      after: after.offset,
      place: placeOf(there, subject),
      firstSequence: now.firstSequence,
      lastSequence: now.lastSequence,
      laterCount: 0,
      messagesMax: now.messagesMax,
      raisedAt: now.raisedAt,
      purgedAt: purge?.sequence,
    };
    if (!isComplete(evidence)) return 'incomplete';
    const hasLater = newest !== undefined && newest.sequence > after.offset;
    if (evidence.place === 'own' || !hasLater) return 'complete';
    // All that the subject has: not less than what it has after the place.
    const laterCount = await classStream.count(subject);
    return isComplete({ ...evidence, laterCount }) ? 'complete' : 'incomplete';
  }

  /** The subject's messages in the range; the first `walked` one by one, the rest at once. */
  async #collect(range: Range, walked: number): Promise<void> {
    const { end, into, stream, subject } = range;
    const next = await this.#walk(range, walked);
    if (next > end || into.isFull) return;
    // The leader names the first one and the last one: a copy may have dropped more, or lag behind.
    const first = await this.#options.api.next(stream, subject, next);
    if (first === undefined || first.sequence > end) return;
    const newest = await this.#options.api.last(stream, subject);
    const target = Math.min(end, newest?.sequence ?? 0);
    let isSound: boolean | undefined;
    await this.#options.scan({ stream, subject, from: first.sequence, target }, (message) => {
      isSound ??= message.sequence === first.sequence;
      if (!isSound) return false;
      if (message.sequence <= end) into.add(message);
      return !into.isFull;
    });
    if (isSound !== true) await this.#walk({ ...range, from: next }, Infinity);
  }

  /** Asks the leader for one message after the other; resolves with where to go on. */
  async #walk({ end, from, into, stream, subject }: Range, stepsMax: number): Promise<number> {
    let next = from;
    for (let steps = 0; steps < stepsMax && !into.isFull; steps += 1) {
      if (next > end) return next;
      const message = await this.#options.api.next(stream, subject, next);
      if (message === undefined || message.sequence > end) return Infinity;
      into.add(message);
      next = message.sequence + 1;
    }
    return next;
  }
}

function placeOf(there: StoredMessage | undefined, subject: string): Evidence['place'] {
  if (there === undefined) return 'missing';
  return there.subject === subject ? 'own' : 'other';
}

function positionOf(epoch: string, { id, sequence }: StoredMessage): Position {
  return { epoch, offset: sequence, tag: publicationTag(id) };
}

/** False: another message is there than the position says. What is gone cannot be compared. */
function isTheSame({ tag }: Position, there: StoredMessage | undefined): boolean {
  return there === undefined || publicationTag(there.id) === tag;
}

/** Entries that name their predecessors; `before` is that of the first. */
function chained(
  messages: readonly StoredMessage[],
  epoch: string,
  before: number | undefined,
): StreamEntry[] {
  let prev = before;
  return messages.map((message) => {
    const { bytes, id, sequence, storedAtMs } = message;
    const entry = { epoch, offset: sequence, prev, tag: publicationTag(id), storedAtMs, bytes };
    prev = sequence;
    return entry;
  });
}
