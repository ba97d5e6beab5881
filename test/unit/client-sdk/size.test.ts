/** The client SDK is within its budget, and a client that is not would be noticed. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { projectRoot } from '../../support/source-tree.ts';

/** Of scripts/client-sizes.js, as far as this test needs it. */
interface Sizes {
  readonly budgets: Readonly<Record<string, number>>;
  readonly overBudget: (rows: readonly object[]) => readonly string[];
}

describe('size', () => {
  test('size: npm run size prints the table and finds nothing over its budget', () => {
    const script = join(projectRoot(), 'scripts/size.js');
    const { status, stderr, stdout } = spawnSync(process.execPath, [script], { encoding: 'utf8' });
    console.log(stdout);
    assert.deepEqual([status, stderr], [0, '']);
    for (const name of ['core', 'socket.io-client', 'centrifuge', 'ably', 'pusher-js']) {
      assert.match(stdout, new RegExp(`^${name} .*\\d,\\d{3}`, 'm'));
    }
  });

  test('size: what is over its budget is told', async () => {
    const file = join(projectRoot(), 'scripts/client-sizes.js');
    // The script has no types of its own.
    const { budgets, overBudget } = (await import(pathToFileURL(file).href)) as Sizes;
    assert.equal(budgets['core'], 8192);
    const row = { name: 'core', min: 20_000, budget: 8192 };
    assert.deepEqual(overBudget([{ ...row, gzip: 8192 }]), []);
    assert.deepEqual(overBudget([{ ...row, gzip: 8193 }]), [
      'core: 8193 bytes (gzip) are more than 8192',
    ]);
  });
});
