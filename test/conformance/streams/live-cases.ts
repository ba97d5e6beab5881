/** What arrives through the backplane when something is appended. */
import assert from 'node:assert/strict';
import type { StreamRef } from '../../../backplanes/stream-store.ts';
import { waitFor } from '../../support/wait.ts';
import {
  beginningOf,
  numbered,
  placeOf,
  streamOf,
  textsOf,
  type StreamNode,
  type StreamStoreCase,
} from './stream-node.ts';

async function untilHeard(node: StreamNode, { key }: StreamRef, count: number): Promise<void> {
  await waitFor(() => node.node.got(key).length >= count, {
    what: `${count} entries arrived on ${key}`,
  });
}

export const liveCases: readonly StreamStoreCase[] = [
  {
    name: 'who publishes: the store exactly where its traits say so',
    run: async ({ a, b }) => {
      const stream = streamOf('published');
      await Promise.all([a.hear(stream, b), b.hear(stream, a)]);
      await a.append(stream, 'stored');
      const { publishesLive } = a.traits;
      if (publishesLive) await Promise.all([a, b].map((node) => untilHeard(node, stream, 1)));
      await a.node.publish(stream.key, 'bare');
      const expected = publishesLive ? 2 : 1;
      await Promise.all([a, b].map((node) => untilHeard(node, stream, expected)));
      for (const { node } of [a, b]) assert.equal(node.got(stream.key).length, expected);
    },
  },
  {
    name: 'what is appended on either node arrives once on both with its place, in one chain',
    run: async ({ a, b, skip }) => {
      if (!a.traits.publishesLive) {
        skip('who appends to this store publishes');
        return;
      }
      const stream = streamOf('live');
      await Promise.all([a.hear(stream, b), b.hear(stream, a)]);
      for (const texts of [numbered(1, 50), numbered(51, 100)]) {
        await Promise.all([a.appendAll(stream, texts), b.appendAll(stream, texts)]);
      }
      const entries = await a.readAll(stream, beginningOf((await a.top(stream)).newest));
      assert.equal(entries.length, 200);
      for (const node of [a, b]) {
        await untilHeard(node, stream, 200);
        // Old servers of NATS publish two that came at the same moment in either order; who follows
        // the chain puts them in theirs.
        const live = node.live(stream).toSorted((one, other) => one.offset - other.offset);
        assert.deepEqual(live.map(placeOf), entries.map(placeOf));
        assert.deepEqual(textsOf(live), textsOf(entries));
        for (const [index, { prev }] of live.entries()) {
          // Of the first one a store may not know that nothing was before it.
          if (index > 0) assert.equal(prev, live[index - 1]?.offset);
          else assert.ok(prev === 0 || prev === undefined);
        }
        assert.deepEqual([node.reentered, node.node.gaps], [0, 0]);
      }
    },
  },
  {
    name: 'a repeat is not published again',
    run: async ({ a, b, skip }) => {
      if (!a.traits.publishesLive) {
        skip('who appends to this store publishes');
        return;
      }
      const stream = streamOf('live repeat');
      await b.hear(stream, a);
      await a.append(stream, 'first', 'the id');
      await a.append(stream, 'again', 'the id');
      await b.append(stream, 'again', 'the id');
      await a.append(stream, 'last');
      await untilHeard(b, stream, 2);
      assert.deepEqual(textsOf(b.live(stream)), ['first', 'last']);
    },
  },
  {
    name: 'what is appended in one turn to many streams arrives at those who hear them',
    run: async ({ a, b, skip }) => {
      if (!a.traits.publishesLive) {
        skip('who appends to this store publishes');
        return;
      }
      const streams = Array.from({ length: 50 }, (_, index) => streamOf(`live ${index}`));
      const heard = streams.filter((_, index) => index % 2 === 0);
      await Promise.all(heard.map((stream) => b.hear(stream, a)));
      await Promise.all(
        numbered(1, 4).flatMap((text) =>
          streams.map((stream) => a.append(stream, `${stream.key} ${text}`)),
        ),
      );
      for (const stream of heard) {
        await untilHeard(b, stream, 4);
        assert.deepEqual(
          textsOf(b.live(stream)),
          numbered(1, 4).map((text) => `${stream.key} ${text}`),
        );
      }
      assert.equal(b.node.received.size, heard.length);
    },
  },
];
