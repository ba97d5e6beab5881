/** Holds the collection of metrics to who answers and who does not. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { MetricsPage } from '../../../../gateway/telemetry/metrics.ts';
import type { ParentChannel } from '../../../../gateway/workers/channel.ts';
import { PageCollector } from '../../../../gateway/workers/page-collector.ts';
import { WorkerPages } from '../../../../gateway/workers/worker-pages.ts';
import { waitFor } from '../../../support/wait.ts';
import { FakeClock, FakeWorker } from './fake-workers.ts';

/** Nobody on the way looks into a page. */
const page = (name: string): MetricsPage => [{ name }] as unknown as MetricsPage;

interface Harness {
  readonly clock: FakeClock;
  readonly workers: readonly FakeWorker[];
  readonly collector: PageCollector;
}

function start(count: number): Harness {
  const clock = new FakeClock();
  const workers = Array.from({ length: count }, () => new FakeWorker());
  const channels: ParentChannel[] = workers.map((worker) => worker.fork().channel);
  const collector = new PageCollector({
    workers: () => channels,
    ownPage: () => Promise.resolve(page('own')),
    clock,
    answerMsMax: 1000,
  });
  return { clock, workers, collector };
}

const names = (pages: readonly MetricsPage[] | undefined): string[] | undefined =>
  pages?.map(([metric]) => metric?.name ?? '');

async function asked({ workers }: Harness, count = 1): Promise<void> {
  await waitFor(() => workers.every(({ heard }) => heard.length === count), { what: 'all asked' });
}

describe('page collector', () => {
  test('collect: all pages, and the own one first; callers at once share it', async () => {
    const harness = start(2);
    const { clock, collector } = harness;
    const both = Promise.all([collector.collect(), collector.collect()]);
    await asked(harness);
    collector.receive(1, page('a'));
    collector.receive(1, page('b'));
    for (const pages of await both) assert.deepEqual(names(pages), ['own', 'a', 'b']);
    assert.equal(clock.timerCount, 0);
    const again = collector.collect();
    await asked(harness, 2);
    collector.receive(1, page('late'));
    collector.receive(2, page('c'));
    collector.receive(2, page('d'));
    assert.deepEqual(names(await again), ['own', 'c', 'd']);
  });

  test('collect: a worker that does not answer is left out', async () => {
    const harness = start(2);
    const pages = harness.collector.collect();
    await asked(harness);
    harness.collector.receive(1, page('a'));
    harness.clock.pass(1000);
    assert.deepEqual(names(await pages), ['own', 'a']);
  });

  test('collect: without workers there is the own page', async () => {
    assert.deepEqual(names(await start(0).collector.collect()), ['own']);
  });

  test('WorkerPages: the answer finds its question; without one there is none', async () => {
    const clock = new FakeClock();
    const channel = { say: () => undefined };
    const pages = new WorkerPages({ channel, clock, answerMsMax: 2000 });
    const [first, second, third] = [pages.ask(), pages.ask(), pages.ask()];
    pages.receive(2, [page('b')]);
    pages.receive(1, [page('a')]);
    assert.deepEqual([names(await first), names(await second)], [['a'], ['b']]);
    clock.pass(2000);
    assert.equal(await third, undefined);
  });
});
