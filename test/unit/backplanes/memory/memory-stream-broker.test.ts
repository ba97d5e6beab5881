/** The bounds of streams in memory, and what is forgotten when. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  MemoryStreamBroker,
  type MemoryStreamOptions,
} from '../../../../backplanes/memory/memory-stream-broker.ts';
import { MemoryStreamStore } from '../../../../backplanes/memory/memory-stream-store.ts';
import type { Appended, StreamRef, StreamTop } from '../../../../backplanes/stream-store.ts';

const minute = 60_000;
const hour = 60 * minute;
const start = Date.UTC(2026, 0, 1);

function streamOf(key: string, messagesMax = 1000): StreamRef {
  return { key, retention: { name: 'any', messagesMax, ageMsMax: hour, bytesMax: 1_000_000 } };
}

/** A broker whose clock stands still. */
class Streams {
  nowMs = start;
  readonly broker: MemoryStreamBroker;
  #epochs = 0;
  #ids = 0;

  constructor(options: MemoryStreamOptions = {}) {
    this.broker = new MemoryStreamBroker(() => undefined, {
      nowMs: () => this.nowMs,
      newEpoch: () => `e${(this.#epochs += 1)}`,
      ...options,
    });
  }

  append(stream: StreamRef, id = `id ${(this.#ids += 1)}`, bytes = 10): Appended {
    return this.broker.append(stream, Buffer.alloc(bytes), id);
  }

  top(stream: StreamRef): StreamTop {
    return this.broker.open(stream).top;
  }
}

test('memory streams: entries older than their class allows are gone, by the given clock', () => {
  const streams = new Streams();
  const stream = streamOf('a');
  const { position } = streams.append(stream);
  streams.nowMs += hour - 1;
  assert.equal(streams.top(stream).oldest, position.offset);
  streams.nowMs += 1;
  assert.equal(streams.top(stream).oldest, undefined);
  assert.deepEqual(streams.top(stream).newest, position);
});

test('memory streams: a sweep drops what is too old although nobody asks', () => {
  const streams = new Streams();
  for (let index = 0; index < 20; index += 1) streams.append(streamOf(`s${index}`));
  assert.ok(streams.broker.bytes > 0);
  streams.nowMs += hour;
  streams.broker.sweep();
  assert.deepEqual([streams.broker.bytes, streams.broker.size], [0, 20]);
  assert.equal(streams.broker.counters.dropped, 20);
});

test('memory streams: sweeps come to every stream, however many there are', () => {
  const streams = new Streams();
  for (let index = 0; index < 12_000; index += 1) streams.append(streamOf(`s${index}`));
  streams.nowMs += hour;
  for (let count = 0; count < 3; count += 1) streams.broker.sweep();
  assert.equal(streams.broker.bytes, 0);
});

test('memory streams: an empty stream keeps its epoch a day beyond retention', () => {
  const streams = new Streams();
  const stream = streamOf('a');
  const { epoch, offset } = streams.append(stream).position;
  streams.nowMs += 25 * hour;
  streams.broker.sweep();
  assert.deepEqual(
    [streams.broker.size, streams.top(stream).newest],
    [1, { epoch, offset, tag: streams.top(stream).newest.tag }],
  );
  // Asking was a use: its day begins anew.
  streams.nowMs += 25 * hour + 1;
  for (let count = 0; count < 2; count += 1) streams.broker.sweep();
  assert.equal(streams.broker.size, 0);
  assert.notEqual(streams.top(stream).newest.epoch, epoch);
});

test('memory streams: beyond their number the one that was unused for longest is forgotten', () => {
  const streams = new Streams({ streamsMax: 3 });
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((key) => streamOf(key));
  assert.ok(a && b && c && d);
  const first = streams.append(a).position;
  const second = streams.append(b).position;
  streams.append(c);
  streams.nowMs += 1000;
  streams.top(a);
  streams.append(d);
  assert.deepEqual([streams.broker.size, streams.broker.counters.forgotten], [3, 1]);
  assert.deepEqual(streams.top(a).newest, first);
  const read = streams.broker.open(b).read({ after: second, upTo: undefined, limit: 10 });
  assert.equal(read.status, 'diverged');
});

test('memory streams: an id of a forgotten stream is no repeat in its next life', () => {
  const streams = new Streams({ streamsMax: 1 });
  streams.append(streamOf('a', 1), 'the id');
  streams.append(streamOf('a', 1));
  streams.append(streamOf('b'));
  assert.equal(streams.append(streamOf('a', 1), 'the id').isDuplicate, false);
});

test('memory streams: entries that cost too much in all go where nobody was for longest', () => {
  const streams = new Streams({ bytesMax: 100_000 });
  const [idle, busy] = [streamOf('idle'), streamOf('busy')];
  const first = streams.append(idle, 'a', 30_000).position;
  streams.nowMs += 1000;
  for (let count = 0; count < 8; count += 1) streams.append(busy, undefined, 10_000);
  assert.ok(streams.broker.bytes <= 100_000);
  const { epoch, oldest } = {
    epoch: streams.top(idle).newest.epoch,
    oldest: streams.top(idle).oldest,
  };
  assert.deepEqual([epoch, oldest], [first.epoch, undefined]);
  assert.equal(streams.top(busy).oldest, 1);
  // One stream alone may not cost more either.
  for (let count = 0; count < 20; count += 1) streams.append(busy, undefined, 10_000);
  assert.ok(streams.broker.bytes <= 100_000);
  assert.ok((streams.top(busy).oldest ?? 0) > 1);
});

test('memory streams: what is counted as bytes is given back when streams go', () => {
  const streams = new Streams({ streamsMax: 1 });
  streams.append(streamOf('a'), 'a', 1000);
  streams.append(streamOf('b'), 'b', 1000);
  streams.broker.purge(streamOf('b'));
  assert.equal(streams.broker.bytes, 0);
});

test('memory streams: an id is remembered as long as its entry is kept', () => {
  const streams = new Streams();
  const stream = streamOf('a');
  const first = streams.append(stream, 'the id');
  streams.nowMs += hour - 1;
  assert.deepEqual(streams.append(stream, 'the id'), { ...first, isDuplicate: true });
  assert.equal(streams.broker.counters.duplicates, 1);
});

test('memory streams: an id whose entry is gone is remembered for five minutes', () => {
  const streams = new Streams();
  const stream = streamOf('a', 1);
  const first = streams.append(stream, 'the id');
  streams.append(stream);
  streams.nowMs += 5 * minute - 1;
  assert.deepEqual(streams.append(stream, 'the id'), { ...first, isDuplicate: true });
  streams.nowMs += 1;
  assert.equal(streams.append(stream, 'the id').isDuplicate, false);
});

test('memory streams: of ids whose entries are gone only the last ones are remembered', () => {
  const streams = new Streams({ goneIdsMax: 2 });
  const stream = streamOf('a', 1);
  for (const id of ['1', '2', '3', '4', '5', '6']) streams.append(stream, id);
  assert.deepEqual(
    ['5', '4'].map((id) => streams.append(stream, id).isDuplicate),
    [true, true],
  );
  assert.equal(streams.append(stream, '1').isDuplicate, false);
});

test('memory streams: key and id of one never look like those of another', () => {
  const streams = new Streams();
  streams.append(streamOf('a\nb', 1), 'c');
  streams.append(streamOf('a\nb', 1));
  assert.equal(streams.append(streamOf('a', 1), 'b\nc').isDuplicate, false);
  assert.equal(streams.append(streamOf('a\n', 1), 'bc').isDuplicate, false);
});

test('memory streams: an answer has a bound of bytes, and says that there is more', () => {
  const streams = new Streams();
  const stream = { ...streamOf('a'), retention: { ...streamOf('a').retention, bytesMax: 1e9 } };
  for (let count = 0; count < 10; count += 1) streams.append(stream, undefined, 4_000_000);
  const after = { epoch: streams.top(stream).newest.epoch, offset: 0, tag: 0 };
  const read = streams.broker.open(stream).read({ after, upTo: undefined, limit: 100 });
  assert.ok(read.status === 'read');
  assert.ok(read.entries.length >= 1 && read.entries.length < 10);
  assert.ok(read.hasMore);
  const page = streams.broker.open(stream).readBack({ before: undefined, limit: 100 });
  assert.ok(page.entries.length >= 1 && page.entries.length < 10);
  assert.ok(page.hasMore);
});

test('memory streams: an envelope that is larger than the traits say is refused', async () => {
  const { broker } = new Streams();
  const store = new MemoryStreamStore(broker);
  await store.start();
  const large = new Uint8Array(store.traits.entryBytesMax + 1);
  await assert.rejects(store.append(streamOf('a'), large, 'id'), {
    name: 'BackplaneUnavailableError',
    message: /may have 134217728 bytes, got 134217729/,
  });
  await store.close();
});
