/** What reading promises: pages forward and backward, and where streams end. */
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

export const readCases: readonly StreamStoreCase[] = [
  {
    name: 'a read gives what comes after a place, up to a place, and no more than asked for',
    run: async ({ a, b }) => {
      const stream = streamOf('ranges');
      const [p1, p2, , , p5, p6] = await a.appendAll(stream, numbered(1, 6));
      assert.ok(p1 !== undefined && p2 !== undefined && p5 !== undefined && p6 !== undefined);
      const { newest } = await b.top(stream);
      assert.deepEqual(newest, p6);

      const all = await b.read(stream, p2);
      assert.deepEqual([textsOf(all.entries), all.hasMore], [numbered(3, 6), false]);
      assert.deepEqual(all.top.newest, p6);
      assert.equal(all.top.oldest, p1.offset);
      const firstPrev = all.entries[0]?.prev;
      assert.ok(firstPrev === undefined || firstPrev === p2.offset);

      const some = await b.read(stream, p2, { upTo: p5.offset });
      assert.deepEqual([textsOf(some.entries), some.hasMore], [numbered(3, 5), false]);
      const few = await b.read(stream, p2, { upTo: p5.offset, limit: 2 });
      assert.deepEqual([textsOf(few.entries), few.hasMore], [numbered(3, 4), true]);
      const exact = await b.read(stream, p2, { upTo: p5.offset, limit: 3 });
      assert.deepEqual([textsOf(exact.entries), exact.hasMore], [numbered(3, 5), false]);
      const none = await b.read(stream, p6);
      assert.deepEqual([none.entries, none.hasMore], [[], false]);
      const behind = await b.read(stream, p5, { upTo: p2.offset });
      assert.deepEqual([behind.entries, behind.hasMore], [[], false]);
      for (const { isComplete } of [all, some, few, exact, none, behind]) assert.ok(isComplete);
    },
  },
  {
    name: 'pages read one after the other give everything once',
    run: async ({ a, b }) => {
      const stream = streamOf('pages');
      await a.appendAll(stream, numbered(1, 100));
      const begin = beginningOf((await b.top(stream)).newest);
      for (const limit of [1, 7, 50, 99, 100, 101]) {
        const entries = await b.readAll(stream, begin, limit);
        assert.deepEqual(textsOf(entries), numbered(1, 100), `with ${limit} at a time`);
        assertChained(entries);
      }
    },
  },
  {
    name: 'an answer holds a bounded number of bytes, and the pages give everything once',
    run: async ({ a, b }) => {
      const stream = streamOf('large');
      const begin = beginningOf((await b.top(stream)).newest);
      const bytesMax = 1024 * 1024;
      const entryBytes = 150_000;
      const texts = numbered(1, 20).map((text) => text.padEnd(entryBytes, '.'));
      for (const text of texts) await a.append(stream, text);
      const first = await b.read(stream, begin);
      const sum = first.entries.reduce((total, { bytes }) => total + bytes.length, 0);
      assert.ok(first.hasMore && sum <= bytesMax + entryBytes, `${sum} bytes forward`);
      assert.deepEqual(textsOf(await b.readAll(stream, begin)), texts);

      const back: string[] = [];
      for (let before: number | undefined, hasMore = true; hasMore;) {
        const page = await b.store.readBack(stream, { before, limit: 1000 });
        const pageBytes = page.entries.reduce((total, { bytes }) => total + bytes.length, 0);
        assert.ok(pageBytes <= bytesMax + entryBytes, `${pageBytes} bytes backward`);
        assert.ok(page.entries.length > 0);
        back.push(...textsOf(page.entries));
        before = page.entries.at(-1)?.offset;
        ({ hasMore } = page);
      }
      assert.deepEqual(back, texts.toReversed());
    },
  },
  {
    name: 'the same read gives the same, on every node',
    run: async ({ a, b }) => {
      const stream = streamOf('same');
      const [p1] = await a.appendAll(stream, numbered(1, 20));
      assert.ok(p1 !== undefined);
      const read = await a.read(stream, p1, { limit: 10 });
      assert.deepEqual(await b.read(stream, p1, { limit: 10 }), read);
      assert.deepEqual(await a.read(stream, p1, { limit: 10 }), read);
      for (const { storedAtMs } of read.entries) assert.ok(storedAtMs > 1_000_000_000_000);
    },
  },
  {
    name: 'the place at offset 0 is before the first entry of the epoch',
    run: async ({ a, b }) => {
      const stream = streamOf('from the start');
      await a.appendAll(stream, numbered(1, 5));
      const read = await b.read(stream, beginningOf((await b.top(stream)).newest));
      assert.deepEqual([textsOf(read.entries), read.isComplete], [numbered(1, 5), true]);
    },
  },
  {
    name: 'reading backward gives the newest first, below a place, and says whether older are there',
    run: async ({ a, b }) => {
      const stream = streamOf('backward');
      const positions = await a.appendAll(stream, numbered(1, 10));
      const offsetOf = (text: number): number => positions[text - 1]?.offset ?? 0;
      const back = async (before: number | undefined, limit: number): Promise<unknown> => {
        const { entries, hasMore, top } = await b.store.readBack(stream, { before, limit });
        assert.deepEqual(top.newest, positions.at(-1));
        assertChained(entries.toReversed());
        return { texts: textsOf(entries), hasMore };
      };
      assert.deepEqual(await back(undefined, 3), { texts: ['10', '9', '8'], hasMore: true });
      assert.deepEqual(await back(offsetOf(8), 3), { texts: ['7', '6', '5'], hasMore: true });
      assert.deepEqual(await back(offsetOf(5), 3), { texts: ['4', '3', '2'], hasMore: true });
      assert.deepEqual(await back(offsetOf(2), 3), { texts: ['1'], hasMore: false });
      assert.deepEqual(await back(offsetOf(5), 4), {
        texts: ['4', '3', '2', '1'],
        hasMore: false,
      });
      assert.deepEqual(await back(offsetOf(1), 3), { texts: [], hasMore: false });
      assert.deepEqual(await back(offsetOf(10) + 1000, 10), {
        texts: numbered(1, 10).toReversed(),
        hasMore: false,
      });
    },
  },
  {
    name: 'forward and backward give the same entries',
    run: async ({ a, b }) => {
      const stream = streamOf('both ways');
      await a.appendAll(stream, numbered(1, 10));
      const forward = await b.readAll(stream, beginningOf((await b.top(stream)).newest));
      const { entries } = await a.store.readBack(stream, { before: undefined, limit: 100 });
      const back = entries.toReversed();
      assert.deepEqual(back.map(placeOf), forward.map(placeOf));
      assert.deepEqual(textsOf(back), textsOf(forward));
      assert.deepEqual(
        back.map(({ storedAtMs }) => storedAtMs),
        forward.map(({ storedAtMs }) => storedAtMs),
      );
    },
  },
  {
    name: 'tops of many streams come in the order asked',
    run: async ({ a, b }) => {
      const streams = Array.from({ length: 300 }, (_, index) =>
        streamOf(`top ${index}`, index % 3 === 0 ? { messagesMax: 7 } : {}),
      );
      const used = streams.filter((_, index) => index % 2 === 0);
      const appended = await Promise.all(used.map((stream) => a.append(stream, stream.key)));
      const tops = await b.store.tops(streams.toReversed());
      assert.equal(tops.length, streams.length);
      for (const [index, { end, newest, oldest }] of tops.toReversed().entries()) {
        assert.ok(newest.epoch !== '');
        assert.equal(end.epoch, newest.epoch);
        assert.ok(end.offset >= newest.offset);
        if (!b.traits.sharesEpoch) assert.deepEqual(end, newest);
        const expected = index % 2 === 0 ? appended[index / 2]?.position : undefined;
        if (expected === undefined) assert.deepEqual([newest.offset, oldest], [0, undefined]);
        else assert.deepEqual([newest, oldest], [expected, expected.offset]);
      }
      assert.deepEqual(await b.store.tops([]), []);
    },
  },
  {
    name: 'a stream that nobody appended to has an epoch, and its end is a place to read on from',
    run: async ({ a, b }) => {
      const stream = streamOf('never used');
      await a.append(streamOf('used'), 'x');
      const { end, newest, oldest } = await a.top(stream);
      assert.deepEqual([newest.offset, newest.tag, oldest], [0, 0, undefined]);
      assert.equal((await b.top(stream)).end.epoch, end.epoch);
      const nothing = await b.read(stream, end);
      assert.deepEqual([nothing.entries, nothing.isComplete, nothing.hasMore], [[], true, false]);
      const page = await b.store.readBack(stream, { before: undefined, limit: 10 });
      assert.deepEqual([page.entries, page.hasMore], [[], false]);

      await b.append(streamOf('used'), 'y');
      await b.append(stream, 'first');
      await a.append(streamOf('used'), 'z');
      const { entries, isComplete } = await a.read(stream, end);
      assert.deepEqual([textsOf(entries), isComplete], [['first'], true]);
      assert.equal(entries[0]?.epoch, end.epoch);
    },
  },
  {
    name: 'who is at the end of one stream misses nothing of it, whatever others get',
    run: async ({ a, b }) => {
      const [stream, busy] = [streamOf('quiet'), streamOf('busy')];
      await a.appendAll(stream, numbered(1, 3));
      await a.appendAll(busy, numbered(1, 10));
      const { end } = await b.top(stream);
      await a.appendAll(busy, numbered(11, 20));
      const nothing = await b.read(stream, end);
      assert.deepEqual([nothing.entries, nothing.isComplete], [[], true]);
      await a.append(stream, '4');
      const something = await b.read(stream, end);
      assert.deepEqual([textsOf(something.entries), something.isComplete], [['4'], true]);
      const prev = something.entries[0]?.prev;
      assert.ok(prev === undefined || prev <= end.offset, 'it fits who stands at the end');
    },
  },
];
