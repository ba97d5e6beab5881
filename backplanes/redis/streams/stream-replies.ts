/** What the stream functions answer, as the contract of stream stores has it. */
import { BackplaneUnavailableError } from '../../backplane.ts';
import { EnvelopeError } from '../../envelope.ts';
import { decodeStoredEnvelope, storedHeaderBytes } from '../../stored-envelope.ts';
import type {
  Appended,
  HistoryPage,
  Position,
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

/** undefined: there is no such stream. @param after the place after which was read. */
export function readReadResult(
  reply: unknown,
  after: Pick<Position, 'offset'>,
): ReadResult | undefined {
  const [status, epoch, offset, tag, oldest, isComplete, hasMore, entries] = listOf(reply);
  const word = textOf(status);
  if (word === 'absent') return undefined;
  const top = readTop([epoch, offset, tag, oldest]);
  if (word === 'diverged') return { status: 'diverged', top };
  const first = Math.max(after.offset + 1, top.oldest ?? 0);
  return {
    status: 'read',
    entries: listOf(entries).map((entry, index) => entryOf(entry, top, first + index)),
    isComplete: numberOf(isComplete) === 1,
    hasMore: numberOf(hasMore) === 1,
    top,
  };
}

/** undefined: there is no such stream. @param before the offset below which was read. */
export function readHistoryPage(
  reply: unknown,
  before = Number.MAX_SAFE_INTEGER,
): HistoryPage | undefined {
  const [status, epoch, offset, tag, oldest, , hasMore, entries] = listOf(reply);
  if (textOf(status) === 'absent') return undefined;
  const top = readTop([epoch, offset, tag, oldest]);
  const last = Math.min(before - 1, top.newest.offset);
  return {
    entries: listOf(entries).map((entry, index) => entryOf(entry, top, last - index)),
    hasMore: numberOf(hasMore) === 1,
    top,
  };
}

export function readTops(reply: unknown): readonly StreamTop[] {
  return listOf(reply).map((each) => readTop(listOf(each)));
}

function readTop([epoch, offset, tag, oldest]: readonly unknown[]): StreamTop {
  const newest = { epoch: textOf(epoch), offset: numberOf(offset), tag: numberOf(tag) };
  const first = numberOf(oldest);
  return { newest, end: newest, oldest: first === 0 ? undefined : first };
}

/**
 * What nobody can read is given with its place, which its index tells: whoever reads on says what is
 * missing, and one bad entry does not keep all others from everybody.
 */
function entryOf(value: unknown, { newest }: StreamTop, offset: number): StreamEntry {
  if (!(value instanceof Uint8Array)) throw strange('an entry');
  // A copy: the answer is one buffer, and one entry that is kept would keep all of it.
  const bytes = new Uint8Array(value);
  try {
    const entry = decodeStoredEnvelope(bytes);
    if (entry.epoch === newest.epoch && entry.offset === offset) return entry;
  } catch (cause) {
    if (!(cause instanceof EnvelopeError)) throw cause;
  }
  const tag = bytes.length < storedHeaderBytes ? 0 : Buffer.from(bytes).readUInt32LE(4);
  return { epoch: newest.epoch, offset, prev: offset - 1, tag, storedAtMs: 0, bytes };
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
