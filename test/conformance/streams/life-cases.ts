/** Starting and closing a store. */
import assert from 'node:assert/strict';
import { BackplaneUnavailableError } from '../../../backplanes/backplane.ts';
import {
  beginningOf,
  streamOf,
  textsOf,
  type StreamNode,
  type StreamStoreCase,
} from './stream-node.ts';

const stream = streamOf('life');
const nowhere = { epoch: 'x', offset: 0, tag: 0 };

async function assertRefusesAll({ store }: StreamNode): Promise<void> {
  const unavailable = (error: unknown): boolean => error instanceof BackplaneUnavailableError;
  const read = { after: nowhere, upTo: undefined, limit: 1 };
  // Called within functions: a store may also throw at once.
  await assert.rejects(async () => store.append(stream, Buffer.from('x'), 'id'), unavailable);
  await assert.rejects(async () => store.read(stream, read), unavailable);
  await assert.rejects(async () => store.readBack(stream, { ...read, before: 5 }), unavailable);
  await assert.rejects(async () => store.tops([stream]), unavailable);
  await assert.rejects(async () => store.purge(stream), unavailable);
}

export const lifeCases: readonly StreamStoreCase[] = [
  {
    name: 'before start nothing is answered, and the store is not up',
    isStarted: false,
    run: async ({ a }) => {
      assert.equal(a.store.isUp(), false);
      await assertRefusesAll(a);
    },
  },
  {
    name: 'after start the store is up, and quiet operation raises no doubt',
    run: async ({ a, b }) => {
      await a.append(stream, 'x');
      assert.deepEqual([a.store.isUp(), b.store.isUp()], [true, true]);
      assert.deepEqual([a.doubts, b.doubts], [[], []]);
    },
  },
  {
    name: 'after close nothing is answered; other nodes and what is stored stay',
    run: async ({ a, b }) => {
      const { position } = await a.append(stream, 'x');
      await a.store.close();
      assert.equal(a.store.isUp(), false);
      await assertRefusesAll(a);
      assert.deepEqual(textsOf(await b.readAll(stream, beginningOf(position))), ['x']);
    },
  },
  {
    name: 'close can be called twice, at once, and before start',
    isStarted: false,
    run: async ({ a, b }) => {
      await a.store.close();
      await a.store.close();
      await b.start();
      await Promise.all([b.store.close(), b.store.close()]);
      assert.deepEqual([a.store.isUp(), b.store.isUp()], [false, false]);
    },
  },
];
