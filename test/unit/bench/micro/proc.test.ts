/** Reading of /proc and of metrics pages. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { sumMetric } from '../../../../bench/micro/metrics-page.ts';
import { parseField, parseTcpPages, readMemory } from '../../../../bench/micro/proc.ts';

const isLinux = process.platform === 'linux';

describe('proc', () => {
  test('parseField: the number after the label', () => {
    const text = 'MemTotal:  100 kB\nSlab:           108720 kB\n';
    assert.equal(parseField(text, 'Slab:'), 108_720);
    assert.throws(() => parseField(text, 'Rss:'), /Rss:/);
  });

  test('parseTcpPages: the pages of TCP, not of UDP', () => {
    const text =
      'sockets: used 16\nTCP: inuse 1 orphan 0 tw 0 alloc 1 mem 42\nUDP: inuse 0 mem 7\n';
    assert.equal(parseTcpPages(text), 42);
    assert.throws(() => parseTcpPages('UDP: inuse 0 mem 7'), /sockstat/);
  });

  test(
    'readMemory: a process that allocates grows by about that',
    { skip: isLinux ? false : 'needs /proc of Linux' },
    () => {
      const before = readMemory(process.pid);
      const bytes = 64 * 1024 * 1024;
      const held = Buffer.alloc(bytes, 1);
      const grown = readMemory(process.pid).rssBytes - before.rssBytes;
      assert.ok(grown > bytes / 2, `grew by ${String(grown)}`);
      assert.equal(held.length, bytes);
    },
  );

  test('sumMetric: sums the series of exactly this metric', () => {
    const page = [
      '# HELP a_total Text.',
      'a_total{code="1"} 2',
      'a_total{code="2"} 3',
      'a_total_more 100',
      'b_total 7',
    ].join('\n');
    assert.equal(sumMetric(page, 'a_total'), 5);
    assert.equal(sumMetric(page, 'b_total'), 7);
    assert.equal(sumMetric(page, 'c_total'), undefined);
  });
});
