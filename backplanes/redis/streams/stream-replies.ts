/** What the stream functions answer, as the contract of stream stores has it. */
import { BackplaneUnavailableError } from '../../backplane.ts';
import { EnvelopeError } from '../../envelope.ts';
import { decodeStoredEnvelope } from '../../stored-envelope.ts';
import type {
  Appended,
  HistoryPage,
  ReadResult,
  StreamEntry,
  StreamTop,
} from '../../stream-store.ts';

/** @throws BackplaneUnavailableError when the answer is no such one; so do all of them. */
export function readAppended(reply: unknown, tag: number): Appended {
  const [offset, isDuplicate, epoch] = listOf(reply);
  const position = { epoch: textOf(epoch), offset: numberOf(offset), tag };
  return { position, prev: position.offset - 1, isDuplicate: numberOf(isDuplicate) === 1 };
}

/** undefined: there is no such stream. */
export function readReadResult(reply: unknown): ReadResult | undefined {
  const [status, epoch, offset, tag, oldest, isComplete, hasMore, entries] = listOf(reply);
  const word = textOf(status);
  if (word === 'absent') return undefined;
  const top = readTop([epoch, offset, tag, oldest]);
  if (word === 'diverged') return { status: 'diverged', top };
  return {
    status: 'read',
    entries: listOf(entries).map(entryOf),
    isComplete: numberOf(isComplete) === 1,
    hasMore: numberOf(hasMore) === 1,
    top,
  };
}

/** undefined: there is no such stream. */
export function readHistoryPage(reply: unknown): HistoryPage | undefined {
  const result = readReadResult(reply);
  if (result === undefined) return undefined;
  if (result.status === 'diverged') throw strange('a page');
  const { entries, hasMore, top } = result;
  return { entries, hasMore, top };
}

export function readTops(reply: unknown): readonly StreamTop[] {
  return listOf(reply).map((each) => readTop(listOf(each)));
}

function readTop([epoch, offset, tag, oldest]: readonly unknown[]): StreamTop {
  const newest = { epoch: textOf(epoch), offset: numberOf(offset), tag: numberOf(tag) };
  const first = numberOf(oldest);
  return { newest, end: newest, oldest: first === 0 ? undefined : first };
}

function entryOf(value: unknown): StreamEntry {
  if (!(value instanceof Uint8Array)) throw strange('an entry');
  try {
    // A copy: the answer is one buffer, and one entry that is kept would keep all of it.
    return decodeStoredEnvelope(new Uint8Array(value));
  } catch (cause) {
    if (!(cause instanceof EnvelopeError)) throw cause;
    throw new BackplaneUnavailableError(
      `A stream in Redis holds what no gateway wrote (${cause.message}): purge the stream, and ` +
        `give the prefix to the gateway alone`,
      { cause },
    );
  }
}

function listOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw strange('a list');
}

function textOf(value: unknown): string {
  if (value instanceof Buffer) return value.toString('latin1');
  if (typeof value === 'string') return value;
  throw strange('a text');
}

function numberOf(value: unknown): number {
  if (typeof value === 'number') return value;
  throw strange('a number');
}

function strange(what: string): BackplaneUnavailableError {
  return new BackplaneUnavailableError(`Redis answered a stream call without ${what}`);
}
