/** Histograms: small, and near enough to the samples that they were made of. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { mergeSamples, percentile } from '../../../../bench/micro/statistics.ts';
import {
  bucketOf,
  mergeHistograms,
  percentileOf,
  toHistogram,
} from '../../../../bench/report/histogram.ts';

const value = fc.integer({ min: 0, max: 2 ** 32 - 1 });

describe('histogram', () => {
  test('buckets: a value is in its own bucket, at most 1 % above its smallest', () => {
    fc.assert(
      fc.property(value, (us) => {
        const bucket = bucketOf(us);
        assert.ok(bucket <= us);
        assert.ok(us - bucket <= us / 127);
        assert.equal(bucketOf(bucket), bucket);
      }),
    );
  });

  test('percentiles: the bucket of the exact one', () => {
    const lists = fc.array(value, { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(lists, fc.constantFrom(0.5, 0.95, 0.99, 1), (samples, share) => {
        const exact = percentile(mergeSamples([Uint32Array.from(samples)]), share) ?? -1;
        assert.equal(percentileOf(toHistogram(samples), share), bucketOf(exact));
      }),
    );
  });

  test('merging: as if all samples had been counted together', () => {
    fc.assert(
      fc.property(fc.array(value), fc.array(value), (a, b) => {
        const merged = mergeHistograms([toHistogram(a), toHistogram(b)]);
        assert.deepEqual(merged, toHistogram([...a, ...b]));
      }),
    );
  });

  test('without samples there is no percentile', () => {
    assert.equal(percentileOf([], 0.5), undefined);
  });
});
