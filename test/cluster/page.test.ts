/** The playground in a real browser, through nginx, with its two users on different nodes. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { startCluster } from '../../bench/cluster/cluster.ts';
import { launchChromium, noChromium } from '../support/chromium.ts';
import { whyMissing } from '../support/programs.ts';

const deadlineMs = 15_000;

describe('page of a cluster', { skip: noChromium || whyMissing('redis-server', 'nginx') }, () => {
  test('page: users on two nodes see what either of them says', async (t) => {
    const cluster = await startCluster({ backplane: 'redis', nodes: 3, page: true });
    t.after(() => cluster.stop());
    const browser = await launchChromium();
    t.after(() => browser.close());
    const page = await browser.newPage();
    page.setDefaultTimeout(deadlineMs);
    const faults: string[] = [];
    page.on('pageerror', (error) => faults.push(error.message));
    await page.goto(cluster.url);
    const panes = [page.locator('.pane.first'), page.locator('.pane.second')] as const;
    const nodeIds = new Set<string>();
    for (const pane of panes) {
      await pane.locator('.frame', { hasText: '#1 done' }).waitFor();
      const text = await pane.innerText();
      for (const { nodeId } of cluster.nodes) if (text.includes(`${nodeId}-`)) nodeIds.add(nodeId);
    }
    assert.equal(nodeIds.size, 2, 'nginx gave both users to one node');
    for (const [index, pane] of panes.entries()) {
      const words = `hello from pane ${String(index)}`;
      const shown = `lobby · ${index === 0 ? 'anna' : 'ben'}: ${words}`;
      await pane.locator('[name=text]').fill(words);
      await pane.locator('[name=text]').press('Enter');
      for (const each of panes) await each.locator('.frame', { hasText: shown }).waitFor();
    }
    assert.deepEqual(faults, []);
  });
});
