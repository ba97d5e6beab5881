/** A rolling restart of a whole cluster behind nginx: backends notice nothing, clients come back. */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { startCluster, type Cluster } from '../../bench/cluster/cluster.ts';
import { programsOf } from '../../bench/cluster/options.ts';
import { joinThrough, publishThrough, type ClusterClient } from '../support/cluster-client.ts';
import { UpgradeRefusal } from '../support/frame-client.ts';
import { whyMissing } from '../support/programs.ts';
import { waitFor } from '../support/wait.ts';

const group = 'lobby';
const clients = 30;
const skip = whyMissing(...programsOf({ backplane: 'redis', nginx: true }));

/** A client that connects again whenever its connection is closed. */
class Loyal {
  readonly #t: TestContext;
  readonly #cluster: Cluster;
  readonly closes: number[] = [];
  /** Connections that were refused; the client tries again. */
  refusals = 0;
  current: ClusterClient | undefined;
  isLeaving = false;

  constructor(t: TestContext, cluster: Cluster) {
    this.#t = t;
    this.#cluster = cluster;
  }

  async connect(): Promise<void> {
    this.current = await joinThrough(this.#t, this.#cluster, group);
    this.#watch(this.current);
  }

  #watch(client: ClusterClient): void {
    client.frames.onClose(({ code }) => {
      this.current = undefined;
      if (this.isLeaving) return;
      this.closes.push(code);
      this.#reconnect();
    });
  }

  #reconnect(): void {
    this.connect().catch((error: unknown) => {
      if (!(error instanceof UpgradeRefusal)) throw error;
      this.refusals += 1;
      this.#reconnect();
    });
  }
}

/** Publishes one after the other until it is stopped; resolves with the statuses. */
function publishing(cluster: Cluster): { stop: () => Promise<Map<number, number>> } {
  const statuses = new Map<number, number>();
  const state = { isStopped: false };
  const run = (async () => {
    for (let number = 0; !state.isStopped; number += 1) {
      const status = await publishThrough(cluster, group, String(number));
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
  })();
  return {
    stop: async () => {
      state.isStopped = true;
      await run;
      return statuses;
    },
  };
}

describe('deploy', { skip }, () => {
  test('deploy: through a rolling restart every publish is accepted and every client is served', async (t) => {
    const cluster = await startCluster({
      backplane: 'redis',
      nodes: 3,
      env: { TRUNKLINE_DRAIN_DELAY_MS: '300', TRUNKLINE_DRAIN_SPREAD_MS: '1500' },
    });
    t.after(() => cluster.stop());
    const all = Array.from({ length: clients }, () => new Loyal(t, cluster));
    for (const client of all) await client.connect();
    const publisher = publishing(cluster);
    for (const node of cluster.nodes) await node.restart();
    const statuses = await publisher.stop();
    assert.deepEqual([...statuses.keys()], [202], JSON.stringify([...statuses]));
    assert.ok((statuses.get(202) ?? 0) > 100);
    const isBack = (): boolean => all.every(({ current }) => current !== undefined);
    await waitFor(isBack, { what: 'every client is back' });
    const closes = all.flatMap((client) => client.closes);
    assert.ok(closes.length >= clients, `${closes.length} closes`);
    assert.deepEqual(new Set(closes), new Set([1001]));
    assert.equal(
      all.reduce((sum, { refusals }) => sum + refusals, 0),
      0,
    );
    for (const client of all) client.isLeaving = true;
  });
});
