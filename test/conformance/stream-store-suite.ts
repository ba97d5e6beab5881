/**
 * What every stream store must do, whoever wrote it: the contract of backplanes/stream-store.ts as
 * tests. A store's own test file calls `streamStoreConformance` with a way to open two nodes on one
 * broker, each with a store and the backplane beside it.
 */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import type { Backplane } from '../../backplanes/backplane.ts';
import type { StreamStore } from '../../backplanes/stream-store.ts';
import { withDeadline } from '../support/wait.ts';
import { streamStoreCases } from './stream-store-cases.ts';
import { StreamNode } from './streams/stream-node.ts';

/** What one gateway node has of a broker. */
export interface StorePlace {
  readonly store: StreamStore;
  readonly backplane: Backplane;
}

/** Two nodes on one broker, not started. */
export interface StreamStorePair {
  readonly a: StorePlace;
  readonly b: StorePlace;
  /** Closes stores and backplanes and whatever `open` started. */
  close(): Promise<void>;
}

export interface StreamStoreConformanceOptions {
  /** Called once per test; streams and keys of one call must not reach the nodes of another. */
  open(): Promise<StreamStorePair>;
  /** Tests by name that this store cannot pass, each with the reason. */
  readonly skips?: Readonly<Record<string, string>>;
}

/** Registers the suite with node:test. */
export function streamStoreConformance(name: string, options: StreamStoreConformanceOptions): void {
  const { skips = {} } = options;
  describe(`stream store ${name}`, () => {
    test('the skips: each names a test of the suite', () => {
      const names = new Set(streamStoreCases.map((one) => one.name));
      assert.deepEqual(
        Object.keys(skips).filter((skipped) => !names.has(skipped)),
        [],
      );
    });

    for (const { isStarted = true, name: caseName, run } of streamStoreCases) {
      test(`stream store ${name}: ${caseName}`, async (context: TestContext) => {
        const reason = skips[caseName];
        if (reason !== undefined) {
          context.diagnostic(`skipped: ${reason}`);
          context.skip(reason);
          return;
        }
        const pair = await options.open();
        const a = new StreamNode(pair.a);
        const b = new StreamNode(pair.b);
        try {
          if (isStarted) await Promise.all([a.start(), b.start()]);
          await withDeadline(run({ a, b, skip: (why) => context.skip(why) }), {
            what: `"${caseName}" was over`,
            deadlineMs: 60_000,
          });
        } finally {
          await pair.close();
        }
      });
    }
  });
}
