/** What a NATS server publishes of its own accord after it has stored it, as nodes get it. */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { connect, headers } from '@nats-io/transport-node';
import type { GapReason } from '../../backplanes/backplane.ts';
import { NatsBackplane } from '../../backplanes/nats/nats-backplane.ts';
import { subjectOf } from '../../backplanes/nats/subject.ts';
import {
  decodeStoredEnvelope,
  isStoredEnvelope,
  publicationTag,
} from '../../backplanes/stored-envelope.ts';
import type { StreamEntry } from '../../backplanes/stream-store.ts';
import { currentNats, installedNats } from '../support/nats.ts';
import {
  appendAll,
  deleteStream,
  jetStreamServer,
  storeOn,
  streamOf,
  textsOf,
} from '../support/nats-streams.ts';
import { waitFor } from '../support/wait.ts';

const stream = streamOf('g:hub:room.1');

interface Listener {
  readonly backplane: NatsBackplane;
  readonly entries: StreamEntry[];
  readonly plain: string[];
  readonly gaps: (readonly string[] | 'all')[];
}

async function listenOn(context: TestContext, url: string, key: string): Promise<Listener> {
  const backplane = new NatsBackplane(url);
  const listener: Listener = { backplane, entries: [], plain: [], gaps: [] };
  context.after(() => backplane.close());
  await backplane.start({
    onEnvelope: (_key, bytes) => {
      if (isStoredEnvelope(bytes)) {
        const entry = decodeStoredEnvelope(bytes);
        listener.entries.push({ ...entry, bytes: Buffer.from(entry.bytes) });
      } else {
        listener.plain.push(Buffer.from(bytes).toString());
      }
    },
    onGap: (keys: readonly string[] | 'all', _reason: GapReason) => listener.gaps.push(keys),
    onLink: () => undefined,
  });
  await backplane.subscribe(key);
  return listener;
}

for (const { missing, name, path = '' } of [installedNats(), currentNats()]) {
  describe(`live copies of ${name}`, { skip: missing, concurrency: 4 }, () => {
    test('a burst before anything is known of the stream arrives whole, chained, in order', async (context) => {
      const { server } = await jetStreamServer(context, path);
      const { store } = await storeOn(context, server.url);
      const { entries, gaps } = await listenOn(context, server.url, stream.key);
      const other = streamOf('g:hub:other');
      const texts = Array.from({ length: 300 }, (_, index) => `id ${index} é@\r\n`);
      const appended = await Promise.all(
        texts.map(async (text, index) => {
          if (index % 3 === 0) void store.append(other, Buffer.from('x'), text);
          return store.append(stream, Buffer.from(text), text);
        }),
      );
      await waitFor(() => entries.length >= texts.length, { what: 'all copies are there' });
      assert.deepEqual(textsOf(entries), texts);
      let prev: number | undefined;
      for (const [index, entry] of entries.entries()) {
        const { epoch, offset, tag } = entry;
        assert.deepEqual({ epoch, offset, tag }, appended[index]?.position);
        assert.equal(entry.prev, prev);
        assert.equal(tag, publicationTag(texts[index] ?? ''));
        assert.ok(Math.abs(entry.storedAtMs - Date.now()) < 60_000);
        prev = offset;
      }
      assert.deepEqual(gaps, []);
    });

    test('what is not stored arrives as it was published', async (context) => {
      const { server } = await jetStreamServer(context, path);
      const { store } = await storeOn(context, server.url);
      const { backplane, entries, plain } = await listenOn(context, server.url, stream.key);
      await appendAll(store, stream, ['stored']);
      await backplane.publish(stream.key, Buffer.from('plain'));
      await waitFor(() => entries.length + plain.length >= 2, { what: 'both are there' });
      assert.deepEqual([textsOf(entries), plain], [['stored'], ['plain']]);
    });

    test('very long keys, and keys of strange letters, reach their subscribers', async (context) => {
      const { server } = await jetStreamServer(context, path);
      const { store } = await storeOn(context, server.url);
      for (const key of ['g:hub:'.padEnd(1024, 'x'), 'g:hub:*.> é', 'g:hub:😀'.repeat(100)]) {
        const { entries } = await listenOn(context, server.url, key);
        await appendAll(store, streamOf(key), [`for ${key}`]);
        await waitFor(() => entries.length > 0, { what: `a copy for ${key}` });
        assert.deepEqual(textsOf(entries), [`for ${key}`]);
      }
    });

    test('a stream made anew: copies have its epoch, and the gap is told', async (context) => {
      const { server } = await jetStreamServer(context, path);
      const { store } = await storeOn(context, server.url);
      const { entries, gaps } = await listenOn(context, server.url, stream.key);
      await appendAll(store, stream, ['1', '2', '3']);
      await waitFor(() => entries.length === 3, { what: 'the old ones are there' });
      await deleteStream(server.url);
      const { store: later } = await storeOn(context, server.url);
      const [position] = await appendAll(later, stream, ['new 1', 'new 2']);
      await waitFor(() => entries.length === 5, { what: 'the new ones are there' });
      assert.notEqual(position?.epoch, entries[0]?.epoch);
      assert.deepEqual(
        entries.slice(3).map(({ epoch, offset }) => [epoch, offset]),
        [
          [position?.epoch, 1],
          [position?.epoch, 2],
        ],
      );
      assert.deepEqual(gaps, ['all']);
    });

    test('a store that does not publish live shares nothing with one that does', async (context) => {
      const { server } = await jetStreamServer(context, path);
      const { store: silent } = await storeOn(context, server.url, { publishesLive: false });
      const { store } = await storeOn(context, server.url);
      const { entries } = await listenOn(context, server.url, stream.key);
      const [quiet] = await appendAll(silent, stream, ['silent']);
      const [loud] = await appendAll(store, stream, ['live']);
      await waitFor(() => entries.length > 0, { what: 'the live one is there' });
      assert.deepEqual(textsOf(entries), ['live']);
      assert.notEqual(quiet?.epoch, loud?.epoch);
      assert.deepEqual([quiet?.offset, loud?.offset], [1, 1]);
    });

    test('copies that no server makes: stop nobody, and the true ones come', async (context) => {
      const { server } = await jetStreamServer(context, path);
      const { store } = await storeOn(context, server.url);
      const { entries, gaps, plain } = await listenOn(context, server.url, stream.key);
      await appendAll(store, stream, ['1', '2']);
      await waitFor(() => entries.length === 2, { what: 'true copies are there' });
      const forged: Record<string, string>[] = [
        { 'Nats-Sequence': '-1' },
        { 'Nats-Sequence': '0' },
        { 'Nats-Sequence': '1.5' },
        { 'Nats-Sequence': '3', 'Nats-Last-Sequence': '1e300' },
        { 'Nats-Sequence': '3', 'Nats-Last-Sequence': '3' },
        { 'Nats-Stream': 'no > such *\tstream', 'Nats-Sequence': '4' },
        { 'Nats-Sequence': '2', 'Nats-Time-Stamp': '1901-01-01T00:00:00Z' },
        { 'Nats-Sequence': String(Number.MAX_SAFE_INTEGER) },
      ];
      const attacker = await connect({ servers: server.url });
      context.after(() => attacker.close());
      for (const each of forged) {
        const withHeaders = headers();
        for (const [name, value] of Object.entries({ 'Nats-Stream': 'trunkline-chat', ...each })) {
          withHeaders.set(name, value);
        }
        attacker.publish(subjectOf('trunkline', stream.key), 'forged', { headers: withHeaders });
      }
      await attacker.flush();
      await appendAll(store, stream, ['3', '4', '5']);
      const arrived = (): string[] => textsOf(entries).filter((text) => text !== 'forged');
      await waitFor(() => arrived().length === 5 || gaps.length > 0, { what: 'all is there' });
      await appendAll(store, stream, ['6']);
      await waitFor(() => arrived().at(-1) === '6', { what: 'the last one is there' });
      assert.equal(plain.length, 6, 'what is no copy is what it looks like');
    });
  });
}
