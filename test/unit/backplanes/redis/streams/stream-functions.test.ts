/** The function library in a real server: what its callers cannot see, and its bounds. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  appendCall,
  encodeBounds,
  liveWays,
} from '../../../../../backplanes/redis/streams/stream-calls.ts';
import {
  functionNames,
  libraryCode,
} from '../../../../../backplanes/redis/streams/stream-functions.ts';
import { readAppended } from '../../../../../backplanes/redis/streams/stream-replies.ts';
import {
  answerBytesMax,
  type Appended,
  type StreamRef,
} from '../../../../../backplanes/stream-store.ts';
import {
  beginningOf,
  startedStreamNode,
  streamNamed,
  texts,
} from '../../../../support/redis-stream-nodes.ts';
import { noRedis, startRedis, type RedisServer } from '../../../../support/redis.ts';
import { waitFor } from '../../../../support/wait.ts';

const envelope = Buffer.from('x');

describe('redis stream functions', { skip: noRedis }, () => {
  let server: RedisServer;
  before(async () => {
    server = await startRedis();
    await server.admin().call('FUNCTION', 'LOAD', libraryCode);
  });
  after(() => server.stop());

  async function append(
    { key, retention }: StreamRef,
    id: string,
    windowMs: number,
  ): Promise<Appended> {
    const call = appendCall({
      place: { pair: [key, `${key}#`], ids: [`${key}~0`, `${key}~1`, `${key}~2`] },
      bounds: encodeBounds({ retention, ttlMs: 60_000, windowMs, live: liveWays.none }),
      key,
      id,
      envelope,
    });
    return readAppended(await server.admin().callBuffer('FCALL', call), 0);
  }

  test('stream functions: an id outlives its window, and its hash is empty when its turn comes', async () => {
    const stream = streamNamed('windows');
    const windowMs = 2000;
    const turn = async (): Promise<number> => {
      const [seconds = 0] = await server.admin().time();
      return Math.floor((seconds * 1000) / windowMs);
    };
    const first = await append(stream, 'a', windowMs);
    const began = await turn();
    await waitFor(async () => (await turn()) > began, { what: 'the next window begins' });
    const again = await append(stream, 'a', windowMs);
    assert.deepEqual([again.isDuplicate, again.position], [true, first.position]);
    await waitFor(async () => (await turn()) >= began + 3, { what: 'its turn comes again' });
    const fresh = await append(stream, 'b', windowMs);
    assert.equal(fresh.isDuplicate, false);
    const admin = server.admin();
    const names = await admin.keys('windows~*');
    const sizes = await Promise.all(names.map((name) => admin.hlen(name)));
    assert.deepEqual(sizes, [1], 'only the hash of this window is left');
    assert.ok((await admin.pttl(names[0] ?? '')) > 0);
  });

  test('stream functions: a class that shrinks is brought down in steps', async () => {
    const many = streamNamed('shrinking');
    const admin = server.admin();
    await Promise.all(texts(1, 1200).map((text) => append(many, text, 60_000)));
    assert.equal(await admin.llen('shrinking#'), 1200);
    const few = streamNamed('shrinking', { messagesMax: 10 });
    const lengths: number[] = [];
    for (const text of texts(1201, 1204)) {
      await append(few, text, 60_000);
      lengths.push(await admin.llen('shrinking#'));
    }
    assert.deepEqual(lengths, [689, 178, 10, 10]);
  });

  test('stream functions: one read answers a bounded number of bytes', async (t) => {
    const node = await startedStreamNode(t, server.url);
    const stream = streamNamed('g:chat:large');
    const sizes = [...Array.from({ length: 30 }, () => 100_000), 3_000_000, 10];
    const appended = await Promise.all(sizes.map((size) => node.append(stream, 'x'.repeat(size))));
    const seen: number[] = [];
    let after = beginningOf(appended[0]?.position ?? assert.fail('nothing was appended'));
    for (let hasMore = true; hasMore;) {
      const page = await node.store.read(stream, { after, upTo: undefined, limit: 1000 });
      assert.ok(page.status === 'read' && page.isComplete);
      const bytes = page.entries.map((entry) => entry.bytes.length);
      const sum = bytes.reduce((all, each) => all + each, 0);
      assert.ok(bytes.length === 1 || sum <= answerBytesMax, `${sum} bytes in one answer`);
      seen.push(...bytes);
      after = page.entries.at(-1) ?? assert.fail('nothing was given');
      hasMore = page.hasMore;
    }
    assert.deepEqual(seen, sizes);
    const back = await node.store.readBack(stream, { before: undefined, limit: 1000 });
    assert.deepEqual([back.entries.length, back.hasMore], [1, true]);
  });

  test('stream functions: what somebody else wrote among the entries stops nobody', async (t) => {
    const node = await startedStreamNode(t, server.url);
    const stream = streamNamed('g:chat:poisoned', { messagesMax: 4 });
    const first = await node.append(stream, 'n1');
    await node.append(stream, 'n2');
    await node.append(stream, 'n3');
    const [entries = ''] = await server.admin().keys('*#g:chat:poisoned');
    await server.admin().lset(entries, 0, '');
    await server.admin().lset(entries, 1, 'not ours');
    const seen = async (): Promise<string[]> => {
      const page = await node.store.readBack(stream, { before: undefined, limit: 10 });
      return page.entries.map(({ bytes, offset }) => `${offset} ${Buffer.from(bytes).toString()}`);
    };
    assert.deepEqual(await seen(), ['3 n3']);
    const read = await node.store.read(stream, {
      after: first.position,
      upTo: undefined,
      limit: 10,
    });
    assert.equal(read.status, 'diverged', 'what was there is not known any more');
    for (const text of ['n4', 'n5', 'n6', 'n7']) await node.append(stream, text);
    assert.deepEqual(await seen(), ['7 n7', '6 n6', '5 n5', '4 n4']);
  });

  test('stream functions: those that read write nothing', async () => {
    const call = ['windows', 'windows#', '1000', '1000', 'e', '0', '0', '5', '5'];
    const admin = server.admin();
    await admin.call('FCALL_RO', functionNames.read, '2', ...call);
    await admin.call('FCALL_RO', functionNames.readBack, '2', ...call.slice(0, 4), '5', '5');
    await assert.rejects(
      admin.call('FCALL_RO', functionNames.tops, '2', 'windows', 'windows#'),
      /write/,
    );
  });

  test('stream functions: the library is loaded beside what others have loaded', async () => {
    const admin = server.admin();
    const other = `#!lua name=other\nredis.register_function('other_f', function() return 1 end)`;
    await admin.call('FUNCTION', 'LOAD', other);
    await assert.rejects(admin.call('FUNCTION', 'LOAD', libraryCode), /already exists/);
    assert.equal(await admin.call('FCALL', 'other_f', '0'), 1);
  });
});
