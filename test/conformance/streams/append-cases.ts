/** What appending promises: order, positions, and that a repeat is found. */
import assert from 'node:assert/strict';
import { publicationTag } from '../../../backplanes/stored-envelope.ts';
import { awkwardKeys } from '../awkward-keys.ts';
import {
  assertChained,
  beginningOf,
  numbered,
  placeOf,
  streamOf,
  textsOf,
  type StreamStoreCase,
} from './stream-node.ts';

const largestTried = 1024 * 1024;

/** Ids that clients may choose, and that are easily mangled on the way. */
const awkwardIds: readonly string[] = [
  'a b',
  'a:b',
  'a.b',
  'a\r\nb',
  'a\u0000b',
  '{a}',
  'é',
  '\u{1f600}',
  '0',
  'x'.repeat(255),
  `${'x'.repeat(254)}y`,
];

export const appendCases: readonly StreamStoreCase[] = [
  {
    name: 'offsets grow, each entry names the one before it, and all share an epoch',
    run: async ({ a, b }) => {
      const stream = streamOf('growing');
      for (let index = 1; index <= 10; index += 1) {
        const before = await a.top(stream);
        const { isDuplicate, position, prev } = await (index % 2 ? a : b).append(
          stream,
          `${index}`,
        );
        assert.equal(isDuplicate, false);
        assert.equal(position.epoch, before.newest.epoch);
        assert.ok(position.offset > before.newest.offset);
        assert.ok(prev === undefined || prev === before.newest.offset);
        assert.deepEqual((await b.top(stream)).newest, position);
      }
      const entries = await a.readAll(stream, beginningOf((await a.top(stream)).newest));
      assert.deepEqual(textsOf(entries), numbered(1, 10));
      assertChained(entries);
    },
  },
  {
    name: 'what is appended in one turn keeps the order of the calls',
    run: async ({ a, b }) => {
      const stream = streamOf('one turn');
      // Small ones next to large ones, so that none overtakes another.
      const contents = numbered(1, 300).map((text) => text.padEnd((Number(text) % 7) * 1500, '.'));
      const positions = await a.appendAll(stream, contents);
      const entries = await b.readAll(stream, beginningOf((await b.top(stream)).newest));
      assert.deepEqual(textsOf(entries), contents);
      assert.deepEqual(entries.map(placeOf), positions);
      assertChained(entries);
    },
  },
  {
    name: 'what is appended in one turn to many streams stays in its stream and in order',
    run: async ({ a, b }) => {
      const streams = Array.from({ length: 200 }, (_, index) => streamOf(`one of many ${index}`));
      const appends = numbered(1, 5).flatMap((text) =>
        streams.map(async (stream, index) => ({
          index,
          position: (await a.append(stream, `${index} ${text}`)).position,
        })),
      );
      const appended = await Promise.all(appends);
      for (const [index, stream] of streams.entries()) {
        const entries = await b.readAll(stream, beginningOf((await b.top(stream)).newest));
        assert.deepEqual(
          textsOf(entries),
          numbered(1, 5).map((text) => `${index} ${text}`),
        );
        const own = appended.filter((one) => one.index === index);
        assert.deepEqual(
          entries.map(placeOf),
          own.map(({ position }) => position),
        );
        assertChained(entries);
      }
    },
  },
  {
    name: 'an id that was appended before keeps its first position, on every node',
    run: async ({ a, b }) => {
      const stream = streamOf('repeated');
      const first = await a.append(stream, 'first', 'the id');
      await a.append(stream, 'between', 'another id');
      for (const node of [a, b, a]) {
        const again = await node.append(stream, 'again', 'the id');
        assert.deepEqual([again.isDuplicate, again.position], [true, first.position]);
      }
      const entries = await b.readAll(stream, beginningOf(first.position));
      assert.deepEqual(textsOf(entries), ['first', 'between']);
    },
  },
  {
    name: 'an id that is appended many times at once is stored once',
    run: async ({ a, b }) => {
      const stream = streamOf('repeated at once');
      const appended = await Promise.all(
        Array.from({ length: 20 }, (_, index) =>
          (index % 2 ? a : b).append(stream, `try ${index}`, 'the id'),
        ),
      );
      assert.equal(appended.filter(({ isDuplicate }) => !isDuplicate).length, 1);
      const [first] = appended;
      assert.ok(first !== undefined);
      for (const { position } of appended) assert.deepEqual(position, first.position);
      assert.equal((await a.readAll(stream, beginningOf(first.position))).length, 1);
    },
  },
  {
    name: 'the same id in two streams is two publications',
    run: async ({ a, b }) => {
      const [one, other] = [streamOf('same id'), streamOf('same id there')];
      const first = await a.append(one, 'x', 'the id');
      const second = await a.append(other, 'y', 'the id');
      assert.deepEqual([first.isDuplicate, second.isDuplicate], [false, false]);
      assert.deepEqual(textsOf(await b.readAll(one, beginningOf(first.position))), ['x']);
      assert.deepEqual(textsOf(await b.readAll(other, beginningOf(second.position))), ['y']);
    },
  },
  {
    name: 'positions, tops and entries carry the tag of the id, whatever the id is',
    run: async ({ a, b }) => {
      const stream = streamOf('tagged');
      for (const id of awkwardIds) {
        const { position } = await a.append(stream, id, id);
        assert.equal(position.tag, publicationTag(id), JSON.stringify(id));
        assert.equal((await b.top(stream)).newest.tag, publicationTag(id), JSON.stringify(id));
        const again = await b.append(stream, 'again', id);
        assert.deepEqual([again.isDuplicate, again.position], [true, position]);
      }
      const entries = await b.readAll(stream, beginningOf((await b.top(stream)).newest));
      assert.deepEqual(textsOf(entries), awkwardIds);
      assert.deepEqual(
        entries.map(({ tag }) => tag),
        awkwardIds.map(publicationTag),
      );
    },
  },
  {
    name: 'streams with awkward keys stay apart',
    run: async ({ a, b }) => {
      const streams = awkwardKeys.map((key) => ({ ...streamOf(''), key }));
      for (const stream of streams) await a.append(stream, stream.key);
      await Promise.all(streams.map((stream) => b.append(stream, `again ${stream.key}`)));
      for (const stream of streams) {
        const entries = await b.readAll(stream, beginningOf((await b.top(stream)).newest));
        const name = JSON.stringify(stream.key).slice(0, 60);
        assert.deepEqual(textsOf(entries), [stream.key, `again ${stream.key}`], name);
      }
    },
  },
  {
    name: 'entries are byte for byte what was appended, and the appender keeps its bytes',
    run: async ({ a, b }) => {
      const stream = streamOf('bytes');
      const all = Uint8Array.from({ length: 256 }, (_, index) => index);
      const contents = [
        all,
        all.toReversed(),
        Uint8Array.of(0),
        Uint8Array.of(255, 254, 13, 10, 0, 13, 10),
        Buffer.from('\u{1f600} +OK\r\nMSG $5\r\n'),
        // A view into the middle of something larger.
        all.subarray(100, 110),
      ];
      const before = contents.map((bytes) => Buffer.from(bytes));
      await Promise.all(contents.map((bytes) => a.append(stream, bytes)));
      const entries = await b.readAll(stream, beginningOf((await b.top(stream)).newest));
      const back = await b.store.readBack(stream, { before: undefined, limit: 100 });
      const bytesOf = (each: { readonly bytes: Uint8Array }): Buffer => Buffer.from(each.bytes);
      assert.deepEqual(entries.map(bytesOf), before);
      assert.deepEqual(back.entries.map(bytesOf), before.toReversed());
      assert.deepEqual(
        contents.map((bytes) => Buffer.from(bytes)),
        before,
      );
    },
  },
  {
    name: 'the largest entries that the traits promise are kept',
    run: async ({ a, b }) => {
      const stream = streamOf('large');
      const size = Math.min(a.traits.entryBytesMax, largestTried);
      assert.ok(size >= 64 * 1024, 'less than 64 KiB carries no useful message');
      const contents = Array.from({ length: 8 }, (_, index) => Buffer.alloc(size, 65 + index));
      await Promise.all(contents.map((content) => a.append(stream, content)));
      const entries = await b.readAll(stream, beginningOf((await b.top(stream)).newest));
      assert.equal(entries.length, contents.length);
      for (const [index, { bytes }] of entries.entries()) {
        assert.ok(contents[index]?.equals(bytes), `entry ${index} is what was appended`);
      }
    },
  },
  {
    name: 'four writers on two nodes make one order, without a hole and without a repeat',
    run: async ({ a, b }) => {
      const stream = streamOf('contended');
      const count = 100;
      const writers = [a, b, a, b];
      await Promise.all(
        writers.map(async (node, writer) => {
          for (let index = 0; index < count; index += 10) {
            await Promise.all(
              Array.from({ length: 10 }, (_, at) => node.append(stream, `${writer} ${index + at}`)),
            );
          }
        }),
      );
      const begin = beginningOf((await a.top(stream)).newest);
      // In small pages, so that their borders are seen, too.
      const entries = await b.readAll(stream, begin, 37);
      assert.equal(entries.length, writers.length * count);
      assertChained(entries);
      for (const writer of writers.keys()) {
        assert.deepEqual(
          textsOf(entries).filter((text) => text.startsWith(`${writer} `)),
          Array.from({ length: count }, (_, index) => `${writer} ${index}`),
        );
      }
      assert.deepEqual(await a.readAll(stream, begin), await b.readAll(stream, begin));
    },
  },
];
