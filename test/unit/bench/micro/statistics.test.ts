/** Percentiles and summaries that the benchmarks print. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  median,
  mergeSamples,
  percentile,
  ratio,
  spread,
} from '../../../../bench/micro/statistics.ts';

const samples = (...values: number[]): Uint32Array => Uint32Array.from(values);

describe('statistics', () => {
  test('percentile: the nearest rank of sorted samples', () => {
    const sorted = mergeSamples([Uint32Array.from({ length: 100 }, (_, i) => 100 - i)]);
    assert.equal(percentile(sorted, 0.5), 50);
    assert.equal(percentile(sorted, 0.99), 99);
    assert.equal(percentile(sorted, 1), 100);
    assert.equal(percentile(sorted, 0), 1);
    assert.equal(percentile(samples(7), 0.99), 7);
  });

  test('percentile: nothing is known of no samples', () => {
    assert.equal(percentile(samples(), 0.5), undefined);
  });

  test('percentile: at least the share of samples does not exceed it', () => {
    const parts = fc.array(fc.uint32Array({ minLength: 1, maxLength: 50 }), { minLength: 1 });
    fc.assert(
      fc.property(parts, fc.double({ min: 0, max: 1, noNaN: true }), (given, share) => {
        const merged = mergeSamples(given);
        const value = percentile(merged, share) ?? -1;
        const notAbove = merged.filter((sample) => sample <= value).length;
        const below = merged.filter((sample) => sample < value).length;
        assert.ok(notAbove >= share * merged.length);
        assert.ok(below <= share * merged.length);
      }),
    );
  });

  test('mergeSamples: a run with one slow sample is not averaged away', () => {
    const merged = mergeSamples([samples(1, 1, 1, 1), samples(1, 1, 1, 1000)]);
    assert.equal(percentile(merged, 0.99), 1000);
    assert.deepEqual([...mergeSamples([samples(3, 1), samples(2)])], [1, 2, 3]);
  });

  test('median: the middle, or the mean of the two middle values', () => {
    assert.equal(median([3, 1, 2]), 2);
    assert.equal(median([4, 1, 2, 3]), 2.5);
    assert.equal(median([]), undefined);
  });

  test('spread: the range as a share of the median', () => {
    assert.equal(spread([90, 100, 110]), 0.2);
    assert.equal(spread([100]), 0);
    assert.equal(spread([]), 0);
  });

  test('ratio: unknown without both numbers', () => {
    assert.equal(ratio(3, 2), 1.5);
    assert.equal(ratio(3, 0), undefined);
    assert.equal(ratio(undefined, 2), undefined);
    assert.equal(ratio(3, undefined), undefined);
  });
});
