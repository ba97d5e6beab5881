/** Positions of histories that the store does not have: they must never look like good ones. */
import assert from 'node:assert/strict';
import type { Position, StreamRef } from '../../../backplanes/stream-store.ts';
import { numbered, streamOf, type StreamNode, type StreamStoreCase } from './stream-node.ts';

/** Asserts that the store knows no history in which the place lies, and says where it is itself. */
async function assertDiverged(node: StreamNode, stream: StreamRef, after: Position): Promise<void> {
  const result = await node.store.read(stream, { after, upTo: undefined, limit: 100 });
  assert.equal(result.status, 'diverged');
  const { newest, oldest } = await node.top(stream);
  assert.deepEqual([result.top.newest, result.top.oldest], [newest, oldest]);
}

export const positionCases: readonly StreamStoreCase[] = [
  {
    name: 'a place of another epoch is diverged',
    run: async ({ a, b }) => {
      const stream = streamOf('other epoch');
      const [, p2] = await a.appendAll(stream, numbered(1, 3));
      assert.ok(p2 !== undefined);
      await assertDiverged(b, stream, { ...p2, epoch: `${p2.epoch}x` });
      await assertDiverged(b, stream, { epoch: 'x', offset: 0, tag: 0 });
      await assertDiverged(b, streamOf('never used'), { epoch: 'x', offset: 5, tag: 5 });
    },
  },
  {
    name: 'a place that the store has not reached is diverged',
    run: async ({ a, b }) => {
      const stream = streamOf('ahead');
      const [p1] = await a.appendAll(stream, numbered(1, 3));
      assert.ok(p1 !== undefined);
      const { end } = await b.top(stream);
      for (const more of [1, 1000]) {
        await assertDiverged(b, stream, { ...end, offset: end.offset + more });
      }
      const unused = await b.top(streamOf('never used'));
      await assertDiverged(b, streamOf('never used'), {
        ...unused.end,
        offset: unused.end.offset + 1,
        tag: 5,
      });
    },
  },
  {
    name: 'another publication at an offset is diverged, at the top as well',
    run: async ({ a, b }) => {
      const stream = streamOf('other tag');
      const positions = await a.appendAll(stream, numbered(1, 3));
      for (const position of positions) {
        await assertDiverged(b, stream, { ...position, tag: position.tag ^ 1 });
        assert.ok((await b.read(stream, position)).isComplete);
      }
      const read = { after: { ...positions[0], tag: 1 } as Position, upTo: 1, limit: 1 };
      assert.equal((await b.store.read(stream, read)).status, 'diverged');
    },
  },
];
