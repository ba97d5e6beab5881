/** Cells and tables of the benchmark reports. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  formatKiB,
  formatMs,
  formatNumber,
  formatRatio,
  formatShare,
  formatTable,
} from '../../../../bench/micro/table.ts';

describe('table', () => {
  test('formatTable: columns are as wide as their widest cell', () => {
    assert.equal(
      formatTable(
        ['server', 'n'],
        [
          ['a', '1'],
          ['longer', '1,000'],
        ],
      ),
      ['| server |     n |', '| ------ | ----: |', '| a      |     1 |', '| longer | 1,000 |'].join(
        '\n',
      ),
    );
  });

  test('formats: the unknown is a dash, never a zero', () => {
    for (const format of [formatKiB, formatMs, formatNumber, formatRatio, formatShare]) {
      assert.equal(format(undefined), '–');
    }
    assert.equal(formatNumber(Number.NaN), '–');
  });

  test('formats: units', () => {
    assert.equal(formatNumber(1_234_567), '1,234,567');
    assert.equal(formatMs(1234), '1.23');
    assert.equal(formatMs(123_456), '123');
    assert.equal(formatKiB(2560), '2.50');
    assert.equal(formatShare(0.123), '12 %');
    assert.equal(formatRatio(1.5), '1.50 ×');
  });
});
