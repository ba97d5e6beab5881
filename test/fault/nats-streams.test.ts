/** Streams on NATS servers that crash, forget, or come back with an older history. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  BackplaneUnavailableError,
  PublishOutcomeUnknownError,
} from '../../backplanes/backplane.ts';
import type { NatsStreamStore } from '../../backplanes/nats/streams/nats-stream-store.ts';
import type { Position, StreamRef } from '../../backplanes/stream-store.ts';
import { currentNats, installedNats } from '../support/nats.ts';
import {
  appendAll,
  deleteStream,
  jetStreamServer,
  readAll,
  storeOn,
  streamOf,
  textsOf,
} from '../support/nats-streams.ts';
import { waitFor } from '../support/wait.ts';

const stream = streamOf('g:hub:room.1');

async function readAfter(store: NatsStreamStore, ref: StreamRef, after: Position) {
  return store.read(ref, { after, upTo: undefined, limit: 1000 });
}

async function tryAppend(
  store: NatsStreamStore,
  text: string,
): Promise<'stored' | 'refused' | 'unknown'> {
  try {
    await store.append(stream, Buffer.from(text), text);
    return 'stored';
  } catch (error) {
    if (error instanceof PublishOutcomeUnknownError) return 'unknown';
    assert.ok(error instanceof BackplaneUnavailableError, String(error));
    return 'refused';
  }
}

for (const { missing, name, path = '' } of [installedNats(), currentNats()]) {
  describe(`streams on ${name}`, { skip: missing, concurrency: 4 }, () => {
    test('kill -9 and restart: nothing acknowledged is lost, retries are found, the epoch stays', async (context) => {
      const { server } = await jetStreamServer(context, path);
      const { doubts, store } = await storeOn(context, server.url);
      const [start] = await appendAll(store, stream, ['first']);
      assert.ok(start);
      const stored = ['first'];
      const unsure: string[] = [];
      let number = 0;
      const stop = new AbortController();
      const traffic = (async () => {
        while (!stop.signal.aborted) {
          const text = `message ${(number += 1)}`;
          const outcome = await tryAppend(store, text);
          if (outcome === 'stored') stored.push(text);
          if (outcome === 'unknown') unsure.push(text);
          await new Promise((resolve) => {
            setImmediate(resolve);
          });
        }
      })();
      for (let kills = 0; kills < 3; kills += 1) {
        const before = stored.length;
        await waitFor(() => stored.length > before + 20, { what: 'appends flow' });
        await server.kill();
        await waitFor(() => !store.isUp(), { what: 'the store is down' });
        await server.start();
        await waitFor(() => store.isUp(), { what: 'the store is up' });
      }
      stop.abort();
      await traffic;
      for (const text of unsure) {
        await waitFor(async () => (await tryAppend(store, text)) === 'stored', { what: text });
      }
      const result = await readAfter(store, stream, start);
      assert.equal(result.status, 'read');
      assert.ok(result.isComplete);
      const all = await readAll(store, stream);
      assert.equal(new Set(all).size, all.length, 'nothing is there twice');
      assert.deepEqual([...all].sort(), [...stored, ...unsure].sort());
      assert.ok(doubts.length >= 3);
    });

    test('a stream that was deleted and made again has another epoch', async (context) => {
      const { server } = await jetStreamServer(context, path);
      const { doubts, store } = await storeOn(context, server.url, { refreshMs: 0 });
      const [position] = await appendAll(store, stream, ['old']);
      assert.ok(position);
      const { store: other } = await storeOn(context, server.url);
      await deleteStream(server.url);
      await appendAll(other, stream, ['new']);
      const result = await readAfter(store, stream, position);
      assert.equal(result.status, 'diverged');
      assert.notEqual(result.top.newest.epoch, position.epoch);
      assert.equal(result.top.newest.offset, 1);
      await waitFor(() => doubts.length > 0, { what: 'doubt is told' });
      const { position: next } = await store.append(stream, Buffer.from('next'), 'next');
      assert.equal(next.epoch, result.top.newest.epoch);
    });

    test('a stream that was deleted is made again by the next append', async (context) => {
      const { server } = await jetStreamServer(context, path);
      const { store } = await storeOn(context, server.url);
      const [before] = await appendAll(store, stream, ['old']);
      await deleteStream(server.url);
      assert.equal(await tryAppend(store, 'lost'), 'refused');
      const [after] = await appendAll(store, stream, ['new']);
      assert.notEqual(after?.epoch, before?.epoch);
      assert.equal(after?.offset, 1);
    });

    test('a purge is told as a hole to who was before it, and to nobody else', async (context) => {
      const { server } = await jetStreamServer(context, path);
      const { store } = await storeOn(context, server.url);
      const other = streamOf('g:hub:other');
      const [bookmark] = await appendAll(store, other, ['x']);
      const [own] = await appendAll(store, stream, ['a', 'b', 'c']);
      assert.ok(bookmark && own);
      await store.purge(stream);
      for (const after of [bookmark, own]) {
        const result = await readAfter(store, stream, after);
        assert.deepEqual(
          [result.status, result.status === 'read' && result.isComplete],
          ['read', false],
        );
      }
      const intact = await readAfter(store, other, bookmark);
      assert.ok(intact.status === 'read' && intact.isComplete);
      const [top] = await store.tops([stream]);
      assert.ok(top);
      assert.equal(top.newest.offset, 0);
      const [next] = await appendAll(store, stream, ['d']);
      const after = await readAfter(store, stream, top.end);
      assert.ok(after.status === 'read' && after.isComplete);
      assert.deepEqual(textsOf(after.entries), ['d']);
      assert.equal(next?.epoch, own.epoch);
      assert.ok(next.offset > own.offset);
    });

    test('an older copy of the store: positions beyond it diverge, also when offsets are used again', async (context) => {
      const { folder, server } = await jetStreamServer(context, path);
      const { store } = await storeOn(context, server.url);
      const [kept] = await appendAll(store, stream, ['a', 'b', 'c']);
      await server.kill();
      folder.save();
      await server.start();
      await waitFor(() => store.isUp(), { what: 'the store is up' });
      const [, , , lost] = await appendAll(store, stream, ['d', 'e', 'f', 'g']);
      assert.ok(kept && lost);
      await server.kill();
      folder.restore();
      await server.start();
      await waitFor(() => store.isUp(), { what: 'the store is up' });
      const shorter = await readAfter(store, stream, lost);
      assert.equal(shorter.status, 'diverged');
      assert.equal(shorter.top.newest.epoch, lost.epoch);
      await appendAll(store, stream, ['other d', 'other e', 'other f', 'other g', 'other h']);
      assert.equal((await readAfter(store, stream, lost)).status, 'diverged');
      const result = await readAfter(store, stream, kept);
      assert.ok(result.status === 'read' && result.isComplete);
      assert.deepEqual(textsOf(result.entries).slice(0, 3), ['b', 'c', 'other d']);
    });

    test('entries over the bounds of the class: who was before them is told', async (context) => {
      const { server } = await jetStreamServer(context, path);
      const { store } = await storeOn(context, server.url);
      const small = streamOf('g:hub:small', { name: 'small', messagesMax: 5 });
      const other = streamOf('g:hub:other', { name: 'small', messagesMax: 5 });
      const [bookmark] = await appendAll(store, other, ['x']);
      const [first] = await appendAll(store, small, ['1', '2', '3', '4']);
      assert.ok(bookmark && first);
      const whole = await readAfter(store, small, bookmark);
      assert.ok(whole.status === 'read' && whole.isComplete, 'four of five are there');
      await appendAll(store, small, ['5', '6', '7']);
      for (const after of [bookmark, first]) {
        const result = await readAfter(store, small, after);
        assert.ok(result.status === 'read' && !result.isComplete);
        assert.deepEqual(textsOf(result.entries), ['3', '4', '5', '6', '7']);
        assert.equal(result.entries[0]?.prev, undefined);
      }
    });

    test('a class that the server cannot make is told at the start, with what to do', async (context) => {
      const { server } = await jetStreamServer(context, path);
      const { retention } = stream;
      const large = { ...retention, name: 'large', bytesMax: 2 ** 45 };
      await assert.rejects(storeOn(context, server.url, { classes: [retention, large] }), {
        name: 'BackplaneUnavailableError',
        message: /trunkline-large: .*storage/,
      });
      await assert.rejects(
        storeOn(context, server.url, { classes: [{ ...retention, name: 'spread' }], replicas: 3 }),
        {
          name: 'BackplaneUnavailableError',
          message: /trunkline-spread: .*replicas/,
        },
      );
    });

    test('a bound of a class that is raised proves nothing about what was before', async (context) => {
      const { server } = await jetStreamServer(context, path);
      const { store } = await storeOn(context, server.url);
      const few = streamOf(stream.key, { messagesMax: 2, name: 'few' });
      const [place] = await appendAll(store, streamOf('g:hub:other', few.retention), ['y']);
      await appendAll(store, few, ['1', '2', '3']);
      const raised = streamOf(stream.key, { messagesMax: 10, name: 'few' });
      const { store: later } = await storeOn(context, server.url, { classes: [raised.retention] });
      assert.ok(place);
      const result = await readAfter(later, raised, place);
      assert.ok(result.status === 'read' && !result.isComplete);
      assert.deepEqual(textsOf(result.entries), ['2', '3']);
      const [top] = await later.tops([raised]);
      assert.ok(top);
      await appendAll(later, raised, ['4']);
      const since = await readAfter(later, raised, top.end);
      assert.ok(since.status === 'read' && since.isComplete);
    });

    test('while JetStream is off, the store says so and what to do', async (context) => {
      const { server } = await jetStreamServer(context, path);
      await server.kill();
      await server.start('');
      const { store } = await storeOn(context, server.url);
      const refused = store.append(stream, Buffer.from('x'), 'x');
      await assert.rejects(refused, (error: Error) => {
        assert.ok(error instanceof BackplaneUnavailableError);
        assert.match(error.message, /enable|-js/i);
        return true;
      });
    });
  });
}
