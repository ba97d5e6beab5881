/**
 * What every backplane must do, whoever wrote it: the contract of backplanes/backplane.ts as tests.
 * An adapter's own test file calls `backplaneConformance` with a way to open two of its nodes on
 * one broker.
 */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import type { Backplane } from '../../backplanes/backplane.ts';
import { withDeadline } from '../support/wait.ts';
import { cases } from './backplane-cases.ts';
import { ConformanceNode } from './conformance-node.ts';

/** Two nodes on one broker, not started. */
export interface BackplanePair {
  readonly a: Backplane;
  readonly b: Backplane;
  /** Closes both and whatever `open` started. */
  close(): Promise<void>;
}

export interface BackplaneConformanceOptions {
  /** Called once per test; keys of one call must not reach the nodes of another. */
  open(): Promise<BackplanePair>;
  /** Tests by name that this adapter cannot pass, each with the reason. */
  readonly skips?: Readonly<Record<string, string>>;
}

/** Registers the suite with node:test. */
export function backplaneConformance(name: string, options: BackplaneConformanceOptions): void {
  const { skips = {} } = options;
  describe(`backplane ${name}`, () => {
    test('the skips: each names a test of the suite', () => {
      const names = new Set(cases.map((one) => one.name));
      assert.deepEqual(
        Object.keys(skips).filter((skipped) => !names.has(skipped)),
        [],
      );
    });

    for (const { isStarted = true, name: caseName, run } of cases) {
      test(`backplane ${name}: ${caseName}`, async (context: TestContext) => {
        const reason = skips[caseName];
        if (reason !== undefined) {
          context.diagnostic(`skipped: ${reason}`);
          context.skip(reason);
          return;
        }
        const pair = await options.open();
        const a = new ConformanceNode(pair.a);
        const b = new ConformanceNode(pair.b);
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
