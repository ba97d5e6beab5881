/** Holds the metrics page to its format and its sources. */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { mergedText, Metrics } from '../../../../gateway/telemetry/metrics.ts';

function start(t: TestContext): Metrics {
  const metrics = new Metrics();
  t.after(() => metrics.close());
  return metrics;
}

describe('metrics', () => {
  test('Metrics: sources are read when the page is asked for', async (t) => {
    const metrics = start(t);
    const counts = new Map([
      ['chat', 1],
      ['news', 2],
    ]);
    metrics.add({
      name: 'trunkline_messages_total',
      help: 'Messages received from clients.',
      type: 'counter',
      labelNames: ['hub'],
      read: () => [...counts].map(([hub, value]) => ({ labels: { hub }, value })),
    });
    counts.set('chat', 41);
    const first = await metrics.text();
    assert.match(first, /^# TYPE trunkline_messages_total counter$/m);
    assert.match(first, /^trunkline_messages_total\{hub="chat"\} 41$/m);
    assert.match(first, /^trunkline_messages_total\{hub="news"\} 2$/m);
    counts.set('chat', 42);
    counts.delete('news');
    const second = await metrics.text();
    assert.match(second, /^trunkline_messages_total\{hub="chat"\} 42$/m);
    assert.doesNotMatch(second, /hub="news"/);
  });

  test('mergedText: the samples of several processes stand together, each with its label', async (t) => {
    const pages = await Promise.all(
      ['1', '2'].map(async (worker) => {
        const metrics = new Metrics({ worker });
        t.after(() => metrics.close());
        metrics.add({
          name: 'trunkline_closes_total',
          help: 'Connections closed.',
          type: 'counter',
          labelNames: ['code'],
          read: () => [{ labels: { code: 1000 }, value: Number(worker) * 10 }],
        });
        assert.match(await metrics.text(), new RegExp(`code="1000",worker="${worker}"} `));
        // As it is on the other side of a channel.
        return structuredClone(await metrics.page());
      }),
    );
    const text = await mergedText(pages);
    const expected = [
      '# HELP',
      '# TYPE',
      '{code="1000",worker="1"} 10',
      '{code="1000",worker="2"} 20',
    ];
    const lines = text.split('\n').filter((line) => line.includes('trunkline_closes_total'));
    assert.equal(lines.length, expected.length);
    for (const [index, part] of expected.entries()) assert.ok(lines[index]?.includes(part), part);
  });

  test('Metrics: a gauge can have no labels', async (t) => {
    const metrics = start(t);
    metrics.add({
      name: 'trunkline_connections',
      help: 'Open connections.',
      type: 'gauge',
      read: () => [{ value: 7 }],
    });
    assert.match(await metrics.text(), /^trunkline_connections 7$/m);
    assert.match(metrics.contentType, /^text\/plain; version=0\.0\.4/);
  });

  test('Metrics: names carry the prefix, and the suffix of their type, and are used once', (t) => {
    const metrics = start(t);
    const source = { help: 'x', read: () => [] };
    assert.throws(() => metrics.add({ ...source, name: 'connections', type: 'gauge' }));
    assert.throws(() => metrics.add({ ...source, name: 'trunkline_messages', type: 'counter' }));
    assert.throws(() => metrics.add({ ...source, name: 'trunkline_open_total', type: 'gauge' }));
    metrics.add({ ...source, name: 'trunkline_open', type: 'gauge' });
    assert.throws(() => metrics.add({ ...source, name: 'trunkline_open', type: 'gauge' }));
  });

  test('Metrics: the process shows its memory, CPU time and event loop delay', async (t) => {
    const page = await start(t).text();
    const value = (sample: string): number => {
      const line = page.split('\n').find((candidate) => candidate.startsWith(`${sample} `));
      return Number(line?.slice(sample.length + 1));
    };
    assert.ok(value('trunkline_process_resident_memory_bytes') > 1_000_000);
    assert.ok(value('trunkline_process_heap_bytes{state="used"}') > 100_000);
    assert.ok(value('trunkline_process_cpu_seconds_total{mode="user"}') > 0);
    for (const quantile of ['0.5', '0.99', '1']) {
      assert.ok(value(`trunkline_event_loop_delay_seconds{quantile="${quantile}"}`) >= 0);
    }
  });

  test('Metrics: memory that cannot be read is left out, the page is still there', async (t) => {
    t.mock.method(process.memoryUsage, 'rss', () => {
      throw new Error('EMFILE');
    });
    const page = await start(t).text();
    assert.doesNotMatch(page, /^trunkline_process_resident_memory_bytes /m);
    assert.match(page, /^trunkline_process_uptime_seconds /m);
  });
});
