/** Streams on three NATS servers: the leader dies while messages are appended. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  BackplaneUnavailableError,
  PublishOutcomeUnknownError,
} from '../../backplanes/backplane.ts';
import { currentNats, installedNats, type NatsServer } from '../support/nats.ts';
import {
  appendAll,
  jetStreamCluster,
  leaderOf,
  readAll,
  storeOn,
  streamOf,
} from '../support/nats-streams.ts';
import { waitFor } from '../support/wait.ts';

const stream = streamOf('g:hub:room');

for (const { missing, name, path = '' } of [installedNats(), currentNats()]) {
  describe(`streams on a cluster of ${name}`, { skip: missing }, () => {
    let servers: readonly NatsServer[] = [];
    let stop: () => Promise<void> = () => Promise.resolve();
    before(async () => {
      ({ servers, stop } = await jetStreamCluster(path));
    });
    after(() => stop());

    test('the leader dies under appends: answers come in time, all acknowledged is there once', async (context) => {
      const urls = `nats://${servers.map(({ address }) => address).join(',')}?replicas=3`;
      const { doubts, store } = await storeOn(context, urls);
      const [start] = await appendAll(store, stream, ['first']);
      assert.ok(start);
      const stored = ['first'];
      const unsure = new Set<string>();
      let refused = 0;
      let slowest = 0;
      const append = async (text: string): Promise<void> => {
        const begun = performance.now();
        try {
          await store.append(stream, Buffer.from(text), text);
          stored.push(text);
          unsure.delete(text);
        } catch (error) {
          if (error instanceof PublishOutcomeUnknownError) unsure.add(text);
          else if (error instanceof BackplaneUnavailableError) refused += 1;
          else throw error;
        }
        slowest = Math.max(slowest, performance.now() - begun);
      };
      const ending = new AbortController();
      const lanes = Array.from({ length: 8 }, async (_, lane) => {
        for (let number = 0; !ending.signal.aborted; number += 1) {
          await append(`${lane}-${number}`);
          await new Promise((resolve) => {
            setImmediate(resolve);
          });
        }
      });
      await waitFor(() => stored.length > 200, { what: 'appends flow' });
      const leader = await leaderOf(urls, 'trunkline-chat');
      const victim = servers[Number(leader.slice(1))];
      await victim?.kill();
      await waitFor(() => unsure.size + refused > 0, { what: 'appends fail' });
      const failedAt = stored.length;
      await waitFor(() => stored.length > failedAt + 200, {
        what: 'appends flow again',
        deadlineMs: 60_000,
      });
      await victim?.start();
      ending.abort();
      await Promise.all(lanes);
      for (const text of [...unsure]) {
        await waitFor(
          async () => {
            await append(text);
            return !unsure.has(text);
          },
          { what: `${text} is stored`, deadlineMs: 30_000 },
        );
      }
      // The servers may still be busy with the one that has come back.
      const all = await answered(() => readAll(store, stream));
      assert.equal(new Set(all).size, all.length, 'nothing is there twice');
      assert.deepEqual(new Set(all), new Set(stored));
      const request = { after: start, upTo: undefined, limit: 100_000 };
      const page = await answered(() => store.read(stream, request));
      assert.ok(page.status === 'read' && page.isComplete);
      assert.equal(page.entries.length, all.length - 1);
      assert.ok(
        doubts.some((doubt) => doubt.includes('new leader')),
        `positions are doubted: ${doubts.join('; ')}`,
      );
      // Twice the time allowed, for a machine that is busy with three servers.
      assert.ok(slowest < 4000, `an append waited for ${slowest} ms`);
    });
  });
}

/** Asks again while the broker does not answer. */
async function answered<T>(ask: () => Promise<T>): Promise<T> {
  const box: { answer?: T } = {};
  await waitFor(
    async () => {
      try {
        box.answer = await ask();
        return true;
      } catch (error) {
        if (error instanceof BackplaneUnavailableError) return false;
        throw error;
      }
    },
    { what: 'the broker answers', deadlineMs: 60_000 },
  );
  // Given in the same step in which the wait ended.
  return box.answer as T;
}
