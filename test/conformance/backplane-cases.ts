/** The cases of the backplane suite; each gets two nodes on one broker. */
import assert from 'node:assert/strict';
import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import { BackplaneUnavailableError } from '../../backplanes/backplane.ts';
import { waitFor } from '../support/wait.ts';
import { awkwardKeys } from './awkward-keys.ts';
import type { ConformanceNode } from './conformance-node.ts';

export interface CaseNodes {
  readonly a: ConformanceNode;
  readonly b: ConformanceNode;
  /** For what the traits say that the adapter does not do. */
  readonly skip: (reason: string) => void;
}

export interface ConformanceCase {
  readonly name: string;
  /** False: the case starts the nodes itself. */
  readonly isStarted?: boolean;
  readonly run: (nodes: CaseNodes) => Promise<void>;
}

const largestTried = 1024 * 1024;

/** Sends on another key what shows that everything published before it would have arrived. */
async function flushed({ a, b }: CaseNodes): Promise<void> {
  const key = 'g:hub:flush';
  await Promise.all([a.subscribe(key, b), b.subscribe(key, a)]);
  const before = a.got(key).length;
  await Promise.all([a.publish(key, 'flush a'), b.publish(key, 'flush b')]);
  await Promise.all([a.waitForCount(key, before + 2), b.waitForCount(key, before + 2)]);
}

function unavailable(error: unknown): boolean {
  return error instanceof BackplaneUnavailableError;
}

export const cases: readonly ConformanceCase[] = [
  {
    name: 'a publish reaches every node that subscribed, the publisher included, and no other',
    run: async (nodes) => {
      const { a, b } = nodes;
      await Promise.all([a.subscribe('g:hub:both', b), b.subscribe('g:hub:both', a)]);
      await b.subscribe('g:hub:only b', a);
      await a.publish('g:hub:both', 'x');
      await a.publish('g:hub:only b', 'y');
      await a.publish('g:hub:nobody', 'z');
      await Promise.all([a.waitForCount('g:hub:both', 1), b.waitForCount('g:hub:both', 1)]);
      await b.waitForCount('g:hub:only b', 1);
      await flushed(nodes);
      assert.deepEqual([a.texts('g:hub:both'), b.texts('g:hub:both')], [['x'], ['x']]);
      assert.deepEqual([a.texts('g:hub:only b'), b.texts('g:hub:only b')], [[], ['y']]);
      assert.deepEqual([a.texts('g:hub:nobody'), b.texts('g:hub:nobody')], [[], []]);
    },
  },
  {
    name: 'what a publisher sends on a key arrives once and in order, on both nodes',
    run: async ({ a, b }) => {
      const key = 'g:hub:order';
      await Promise.all([a.subscribe(key, b), b.subscribe(key, a)]);
      const count = 1000;
      const publishes: Promise<unknown>[] = [];
      for (let index = 0; index < count; index += 1) {
        publishes.push(a.publish(key, `a${index}`), b.publish(key, `b${index}`));
        // Some in one turn of the event loop, some in turns of their own.
        if (index % 100 === 0) await Promise.all(publishes);
      }
      await Promise.all(publishes);
      await Promise.all([a.waitForCount(key, 2 * count), b.waitForCount(key, 2 * count)]);
      for (const node of [a, b]) {
        for (const from of ['a', 'b']) {
          const texts = node.texts(key).filter((text) => text.startsWith(from));
          assert.deepEqual(
            texts,
            Array.from({ length: count }, (_, index) => `${from}${index}`),
          );
        }
      }
    },
  },
  {
    name: 'awkward keys stay apart',
    run: async (nodes) => {
      const { a, b } = nodes;
      const even = awkwardKeys.filter((_, index) => index % 2 === 0);
      await Promise.all(even.map((key) => b.subscribe(key, a)));
      for (const key of awkwardKeys) await a.publish(key, key);
      await Promise.all(even.map((key) => b.waitForCount(key, 1)));
      await flushed(nodes);
      for (const [index, key] of awkwardKeys.entries()) {
        assert.deepEqual(b.texts(key), index % 2 === 0 ? [key] : [], JSON.stringify(key));
      }
      // The flush is the only key beside those subscribed.
      assert.equal(b.received.size, even.length + 1);
    },
  },
  {
    name: '5,000 keys subscribed at once each get their own',
    run: async ({ a, b }) => {
      const keys = Array.from({ length: 5000 }, (_, index) => `g:hub:k${index}`);
      await Promise.all(keys.map((key) => b.backplane.subscribe(key)));
      const last = keys.at(-1) ?? '';
      if (b.traits.interest === 'eventual') {
        await waitFor(
          async () => {
            await Promise.all(keys.map((key) => a.publish(key, `early ${key}`)));
            return keys.every((key) => b.got(key).length > 0);
          },
          { what: 'the interest in 5,000 keys has spread' },
        );
      }
      await Promise.all(keys.map((key) => a.publish(key, key)));
      await waitFor(() => keys.every((key) => b.texts(key).includes(key)), {
        what: `5,000 keys got their envelope, the last one ${b.got(last).length}`,
      });
      for (const key of keys) {
        assert.ok(b.texts(key).every((text) => text === key || text === `early ${key}`));
      }
    },
  },
  {
    name: 'bytes arrive as they were sent, whatever they are',
    run: async ({ a, b }) => {
      const key = 'g:hub:bytes';
      await b.subscribe(key, a);
      const all = Uint8Array.from({ length: 256 }, (_, index) => index);
      const contents = [
        all,
        all.toReversed(),
        new Uint8Array(0),
        Uint8Array.of(0),
        Uint8Array.of(255, 254, 13, 10, 0, 13, 10),
        Buffer.from('\u{1f600} +OK\r\nMSG $5\r\n'),
        // A view into the middle of something larger.
        all.subarray(100, 110),
      ];
      const before = contents.map((bytes) => Uint8Array.from(bytes));
      await Promise.all(contents.map((bytes) => a.publish(key, bytes)));
      await b.waitForCount(key, contents.length);
      assert.deepEqual(b.got(key), before);
      assert.deepEqual(
        contents.map((bytes) => Uint8Array.from(bytes)),
        before,
        'the publisher keeps its bytes unchanged',
      );
    },
  },
  {
    name: 'the largest envelope that the traits promise arrives',
    run: async ({ a, b }) => {
      const key = 'g:hub:large';
      await b.subscribe(key, a);
      const size = Math.min(a.traits.envelopeBytesMax, largestTried);
      assert.ok(size >= 64 * 1024, 'less than 64 KiB carries no useful message');
      const large = new Uint8Array(size).map((_, index) => index % 251);
      await a.publish(key, large);
      await a.publish(key, 'after');
      await b.waitForCount(key, 2);
      assert.ok(Buffer.from(b.got(key)[0] ?? []).equals(large));
      assert.equal(b.texts(key)[1], 'after');
    },
  },
  {
    name: 'once subscribe resolved, later publishes arrive',
    run: async ({ a, b }) => {
      for (let round = 0; round < 50; round += 1) {
        const key = `g:hub:fresh ${round}`;
        await b.subscribe(key, a);
        await a.publish(key, 'x');
        await b.waitForCount(key, 1);
      }
    },
  },
  {
    name: 'after unsubscribe nothing arrives any more',
    run: async (nodes) => {
      const { a, b } = nodes;
      const key = 'g:hub:left';
      await Promise.all([a.subscribe(key, b), b.subscribe(key, a)]);
      await a.publish(key, '1');
      await Promise.all([a.waitForCount(key, 1), b.waitForCount(key, 1)]);
      await b.backplane.unsubscribe(key);
      await flushed(nodes);
      await a.publish(key, '2');
      await a.waitForCount(key, 2);
      await flushed(nodes);
      assert.deepEqual(b.texts(key), ['1']);
    },
  },
  {
    name: 'a quick unsubscribe and subscribe leaves exactly one interest',
    run: async (nodes) => {
      const { a, b } = nodes;
      const key = 'g:hub:flapping';
      await b.subscribe(key, a);
      for (let round = 0; round < 20; round += 1) {
        await b.backplane.unsubscribe(key);
        await b.backplane.subscribe(key);
      }
      await waitFor(
        async () => {
          await a.publish(key, 'early');
          return b.texts(key).includes('early');
        },
        { what: 'the interest is back' },
      );
      await flushed(nodes);
      await a.publish(key, 'once');
      await flushed(nodes);
      assert.equal(b.texts(key).filter((text) => text === 'once').length, 1);
      await b.backplane.unsubscribe(key);
      await flushed(nodes);
      await a.publish(key, 'gone');
      await flushed(nodes);
      assert.ok(!b.texts(key).includes('gone'));
    },
  },
  {
    name: 'receivers are counted where the traits say so',
    run: async ({ a, b, skip }) => {
      const key = 'g:hub:counted';
      const none = await a.publish(key, 'x');
      if (!a.traits.countsReceivers) {
        assert.equal(none.receivers, undefined);
        skip('this adapter does not count receivers');
        return;
      }
      await b.subscribe(key, a);
      const one = await a.publish(key, 'x');
      await a.subscribe(key, b);
      const two = await a.publish(key, 'x');
      assert.deepEqual([none.receivers, one.receivers, two.receivers], [0, 1, 2]);
    },
  },
  {
    name: 'the sink is never called within publish',
    run: async ({ a, b }) => {
      const key = 'g:hub:reentered';
      await a.subscribe(key, b);
      await Promise.all(Array.from({ length: 100 }, (_, index) => a.publish(key, `${index}`)));
      await a.waitForCount(key, 100);
      assert.equal(a.reentered, 0);
    },
  },
  {
    name: 'the bytes that the sink got stay as they are until the turn ends',
    run: async (nodes) => {
      const { a, b } = nodes;
      const key = 'g:hub:stable';
      await b.subscribe(key, a);
      for (let round = 0; round < 20; round += 1) {
        const contents = Array.from({ length: 20 }, (_, index) =>
          Buffer.alloc(1 + ((round * 37 + index * 101) % 3000), round + index),
        );
        await Promise.all(contents.map((content) => a.publish(key, content)));
      }
      await b.waitForCount(key, 400);
      await flushed(nodes);
      // The nodes compare when the turn ends.
      await turnOfTheLoop();
      assert.equal(b.changed, 0);
    },
  },
  {
    name: 'quiet operation raises no gap',
    run: async (nodes) => {
      await flushed(nodes);
      await turnOfTheLoop();
      assert.deepEqual([nodes.a.gaps, nodes.b.gaps], [0, 0]);
    },
  },
  {
    name: 'before start nothing is accepted, and nobody is up',
    isStarted: false,
    run: async ({ a }) => {
      assert.equal(a.backplane.isUp(), false);
      await assert.rejects(a.publish('g:hub:x', 'x'), unavailable);
      assert.deepEqual(a.links, []);
    },
  },
  {
    name: 'start resolves when the link is up, and says so',
    isStarted: false,
    run: async ({ a, b }) => {
      await a.start();
      assert.deepEqual(a.links, ['up']);
      assert.equal(a.backplane.isUp(), true);
      assert.equal(b.backplane.isUp(), false);
      assert.deepEqual(b.links, []);
    },
  },
  {
    name: 'who has caught up has got everything that was published before, on every key',
    run: async ({ a, b, skip }) => {
      if (a.backplane.caughtUp === undefined) {
        skip('all keys come by one way');
        return;
      }
      const keys = Array.from({ length: 24 }, (_, index) => `g:hub:way ${index}`);
      await Promise.all(keys.map((key) => a.subscribe(key, b)));
      for (let round = 1; round <= 20; round += 1) {
        await Promise.all(keys.map((key) => b.publish(key, `${round}`)));
        await a.backplane.caughtUp();
        assert.deepEqual(
          keys.map((key) => a.got(key).length),
          keys.map(() => round),
        );
      }
      await a.backplane.close();
      await assert.rejects(a.backplane.caughtUp());
    },
  },
  {
    name: 'after close nothing is accepted, nothing arrives, and nobody is up',
    run: async (nodes) => {
      const { a, b } = nodes;
      const key = 'g:hub:closed';
      await Promise.all([a.subscribe(key, b), b.subscribe(key, a)]);
      await a.backplane.close();
      assert.equal(a.backplane.isUp(), false);
      await assert.rejects(a.publish(key, 'x'), unavailable);
      await assert.rejects(a.backplane.subscribe('g:hub:other'), unavailable);
      await a.backplane.unsubscribe(key);
      await b.publish(key, 'y');
      await b.waitForCount(key, 1);
      assert.deepEqual(a.texts(key), []);
    },
  },
  {
    name: 'close can be called twice, at once, and before start',
    isStarted: false,
    run: async ({ a, b }) => {
      await a.backplane.close();
      await a.backplane.close();
      await b.start();
      await Promise.all([b.backplane.close(), b.backplane.close()]);
      await b.backplane.close();
      assert.deepEqual([a.backplane.isUp(), b.backplane.isUp()], [false, false]);
    },
  },
];
