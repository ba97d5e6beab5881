/** The answers of the stream functions. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BackplaneUnavailableError } from '../../../../../backplanes/backplane.ts';
import {
  readAppended,
  readHistoryPage,
  readReadResult,
  readTops,
} from '../../../../../backplanes/redis/streams/stream-replies.ts';
import { encodeStoredEnvelope } from '../../../../../backplanes/stored-envelope.ts';
import type { StreamEntry } from '../../../../../backplanes/stream-store.ts';

const beginning = { offset: 0 };
const text = (value: string): Buffer => Buffer.from(value);
const entry = { epoch: 'e', offset: 2, prev: 1, tag: 7, storedAtMs: 9, bytes: Buffer.from('x') };

describe('redis stream replies', () => {
  test('stream replies: an append has a position, and the offset before it', () => {
    assert.deepEqual(readAppended([3, 1, text('e')], 7), {
      position: { epoch: 'e', offset: 3, tag: 7 },
      prev: 2,
      isDuplicate: true,
    });
  });

  test('stream replies: an entry that is kept does not keep the whole answer', () => {
    const stored = encodeStoredEnvelope(entry);
    const answer = Buffer.concat([Buffer.alloc(4096), stored]);
    const entries = [answer.subarray(4096)];
    const page = readHistoryPage([text('read'), text('e'), 2, 7, 2, 1, 0, entries]);
    assert.equal(page?.entries[0]?.bytes.toString(), 'x');
    assert.equal(page.entries[0].bytes.buffer.byteLength, stored.length);
  });

  test('stream replies: what is absent is undefined, what diverged has a top', () => {
    assert.equal(readReadResult([text('absent')], beginning), undefined);
    const newest = { epoch: 'e', offset: 2, tag: 7 };
    assert.deepEqual(readReadResult([text('diverged'), text('e'), 2, 7, 0], beginning), {
      status: 'diverged',
      top: { newest, end: newest, oldest: undefined },
    });
    assert.deepEqual(readTops([[text('e'), 2, 7, 1]]), [{ newest, end: newest, oldest: 1 }]);
  });

  test('stream replies: what no function of ours answers is refused', () => {
    for (const reply of [null, 'OK', [], [text('read')], [[]], [1, 'x']]) {
      assert.throws(() => readReadResult(reply, beginning), BackplaneUnavailableError);
      assert.throws(() => readAppended(reply, 1), BackplaneUnavailableError);
    }
  });

  test('stream replies: what no gateway wrote has its place', () => {
    const answer = [text('read'), text('e'), 2, 7, 1, 1, 0, [text('strange'), text('worse')]];
    const placed = (entries: readonly StreamEntry[] = []) =>
      entries.map(({ bytes, offset, prev, tag }) => [
        Buffer.from(bytes).toString(),
        offset,
        prev,
        tag,
      ]);
    const strange = ['strange', 1, 0, 0];
    const read = readReadResult(answer, beginning);
    assert.deepEqual(placed(read?.status === 'read' ? read.entries : []), [
      strange,
      ['worse', 2, 1, 0],
    ]);
    const [worse = [], ...others] = placed(readHistoryPage(answer)?.entries);
    assert.deepEqual([worse.slice(1), others.length], [[2, 1, 0], 1]);
  });
});
