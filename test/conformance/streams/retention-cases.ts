/** What retention takes, that it is told, and that it takes nothing else. */
import assert from 'node:assert/strict';
import {
  assertChained,
  beginningOf,
  numbered,
  placeOf,
  streamOf,
  textsOf,
  type StreamStoreCase,
} from './stream-node.ts';

export const retentionCases: readonly StreamStoreCase[] = [
  {
    name: 'the newest entries stay when there are too many, and who missed some is told',
    run: async ({ a, b }) => {
      const stream = streamOf('too many', { messagesMax: 5 });
      const positions = await a.appendAll(stream, numbered(1, 10));
      const [p1, , , p4, p5, p6] = positions;
      assert.ok(p1 !== undefined && p4 !== undefined && p5 !== undefined && p6 !== undefined);
      const { newest, oldest } = await b.top(stream);
      assert.deepEqual([newest, oldest], [positions.at(-1), p6.offset]);

      for (const after of [p1, p4]) {
        const read = await b.read(stream, after);
        assert.deepEqual([textsOf(read.entries), read.isComplete], [numbered(6, 10), false]);
        assertChained(read.entries);
      }
      const fromStart = await b.read(stream, beginningOf(p1));
      assert.deepEqual(
        [textsOf(fromStart.entries), fromStart.isComplete],
        [numbered(6, 10), false],
      );
      const few = await b.read(stream, p1, { limit: 2 });
      assert.deepEqual(
        [textsOf(few.entries), few.isComplete, few.hasMore],
        [['6', '7'], false, true],
      );
      const { entries, hasMore } = await b.store.readBack(stream, {
        before: undefined,
        limit: 100,
      });
      assert.deepEqual([textsOf(entries), hasMore], [numbered(6, 10).toReversed(), false]);
    },
  },
  {
    name: 'who has everything up to the oldest entry is complete',
    run: async ({ a, b }) => {
      const stream = streamOf('edge', { messagesMax: 5 });
      const positions = await a.appendAll(stream, numbered(1, 10));
      const [, , , , p5, p6] = positions;
      assert.ok(p5 !== undefined && p6 !== undefined);
      const inside = await b.read(stream, p6);
      assert.deepEqual([textsOf(inside.entries), inside.isComplete], [numbered(7, 10), true]);
      const edge = await b.read(stream, p5);
      assert.deepEqual(textsOf(edge.entries), numbered(6, 10));
      // Where offsets are shared nothing is known of what is not retained.
      if (!b.traits.sharesEpoch) assert.ok(edge.isComplete);
    },
  },
  {
    name: 'entries go when there are too many bytes, the oldest first',
    run: async ({ a, b }) => {
      const stream = streamOf('too large', { bytesMax: 50_000 });
      const contents = numbered(1, 100).map((text) => text.padEnd(1000, '.'));
      const positions: Awaited<ReturnType<typeof a.appendAll>> = [];
      for (const content of contents) positions.push(...(await a.appendAll(stream, [content])));
      const [p1] = positions;
      assert.ok(p1 !== undefined);
      const read = await b.read(stream, p1);
      assert.equal(read.isComplete, false);
      assertChained(read.entries);
      const kept = read.entries.length;
      // A store may count more than the bytes of the envelopes, but not without measure.
      assert.ok(kept <= 50 && kept >= 20, `${kept} entries of 1000 bytes are kept in 50,000`);
      assert.deepEqual(textsOf(read.entries), contents.slice(-kept));
      assert.equal(read.top.oldest, positions.at(-kept)?.offset);
    },
  },
  {
    name: 'the bound of a stream is its own',
    run: async ({ a, b, skip }) => {
      if (b.traits.boundsBytes !== 'stream') {
        skip('this store bounds the bytes of a class');
        return;
      }
      const bounds = { bytesMax: 50_000 };
      const [stream, other] = [streamOf('own bytes', bounds), streamOf('others bytes', bounds)];
      const [p1] = await a.appendAll(stream, numbered(1, 3));
      assert.ok(p1 !== undefined);
      await a.appendAll(
        other,
        numbered(1, 100).map((text) => text.padEnd(1000, '.')),
      );
      const read = await b.read(stream, p1);
      assert.deepEqual([textsOf(read.entries), read.isComplete], [['2', '3'], true]);
    },
  },
  {
    name: 'entries go when they are too old; who was at the end has still missed nothing',
    run: async ({ a, b }) => {
      const stream = streamOf('too old', { ageMsMax: 1000 });
      const [p1, p2, p3] = await a.appendAll(stream, numbered(1, 3));
      assert.ok(p1 !== undefined && p2 !== undefined && p3 !== undefined);
      await b.untilEmpty(stream);

      const atEnd = await b.read(stream, p3);
      assert.deepEqual([atEnd.entries, atEnd.isComplete, atEnd.hasMore], [[], true, false]);
      for (const after of [p1, p2, beginningOf(p1)]) {
        const read = await b.read(stream, after);
        assert.deepEqual([read.entries, read.isComplete, read.hasMore], [[], false, false]);
      }
      const page = await b.store.readBack(stream, { before: undefined, limit: 10 });
      assert.deepEqual([page.entries, page.hasMore], [[], false]);
      const { end, newest } = await b.top(stream);
      assert.deepEqual([end.epoch, end.offset], [p3.epoch, p3.offset]);
      if (!b.traits.sharesEpoch) {
        assert.deepEqual(newest, p3);
        const wrong = { after: { ...p3, tag: p3.tag ^ 1 }, upTo: undefined, limit: 10 };
        assert.equal((await b.store.read(stream, wrong)).status, 'diverged');
      }

      const { position } = await a.append(stream, '4');
      assert.ok(position.epoch === p3.epoch && position.offset > p3.offset);
      const next = await b.read(stream, p3);
      // It may be too old by now; that it is there or told to be missing is what counts.
      if (next.entries.length > 0) {
        assert.deepEqual(next.entries.map(placeOf), [position]);
        if (!b.traits.sharesEpoch) assert.ok(next.isComplete);
      } else assert.equal(next.isComplete, false);
      assert.equal((await b.read(stream, p1)).isComplete, false);
    },
  },
  {
    name: 'age takes only what is too old',
    run: async ({ a, b }) => {
      const [brief, long] = [streamOf('brief', { ageMsMax: 1000 }), streamOf('long')];
      const [p1] = await a.appendAll(long, numbered(1, 3));
      assert.ok(p1 !== undefined);
      await a.appendAll(brief, numbered(1, 3));
      await b.untilEmpty(brief);
      const read = await b.read(long, p1);
      assert.deepEqual([textsOf(read.entries), read.isComplete], [['2', '3'], true]);
    },
  },
  {
    name: 'a purge takes all entries; epoch and offsets go on, and who missed some is told',
    run: async ({ a, b }) => {
      const [stream, other] = [streamOf('purged'), streamOf('not purged')];
      const [p1, p2, p3] = await a.appendAll(stream, numbered(1, 3));
      const [o1] = await a.appendAll(other, numbered(1, 3));
      assert.ok(p1 && p2 && p3 && o1);
      await b.store.purge(stream);

      const { end, newest, oldest } = await a.top(stream);
      assert.equal(oldest, undefined);
      assert.equal(end.epoch, p3.epoch);
      assert.ok(end.offset >= p3.offset);
      for (const after of [p1, p2, beginningOf(p1)]) {
        const read = await a.read(stream, after);
        assert.deepEqual([read.entries, read.isComplete], [[], false]);
      }
      if (!a.traits.sharesEpoch) {
        assert.deepEqual(newest, p3);
        assert.ok((await a.read(stream, p3)).isComplete);
      }
      assert.ok((await a.read(stream, end)).isComplete);
      const { position } = await a.append(stream, '4');
      assert.equal(position.epoch, p3.epoch);
      assert.ok(position.offset > end.offset);
      const read = await b.read(stream, p1);
      assert.deepEqual([read.entries.map(placeOf), read.isComplete], [[position], false]);
      assert.deepEqual(textsOf((await b.read(stream, end)).entries), ['4']);
      const page = await b.store.readBack(stream, { before: undefined, limit: 10 });
      assert.deepEqual([textsOf(page.entries), page.hasMore], [['4'], false]);
      assert.deepEqual(textsOf((await b.read(other, o1)).entries), ['2', '3']);
    },
  },
  {
    name: 'a stream that nobody appended to can be purged',
    run: async ({ a, b }) => {
      const stream = streamOf('purged unused');
      await a.store.purge(stream);
      const { end } = await a.top(stream);
      await b.append(stream, '1');
      const read = await a.read(stream, end);
      assert.deepEqual([textsOf(read.entries), read.isComplete], [['1'], true]);
    },
  },
];
