/** Latencies as counts per bucket: small enough for a file, and exact to merge. */

/** Pairs of a bucket's smallest value and its count, ascending. */
export type Histogram = readonly (readonly [number, number])[];

/** Buckets are at most 1/128 wider than their smallest value. */
const mantissaBits = 7;

/** The smallest value of the bucket that holds `value` (0 or more, whole). */
export function bucketOf(value: number): number {
  const exponent = Math.max(0, Math.floor(Math.log2(Math.max(1, value))) - mantissaBits);
  const width = 2 ** exponent;
  return Math.floor(value / width) * width;
}

export function toHistogram(samples: Iterable<number>): Histogram {
  const counts = new Map<number, number>();
  for (const sample of samples) {
    const bucket = bucketOf(sample);
    counts.set(bucket, (counts.get(bucket) ?? 0) + 1);
  }
  return [...counts].toSorted(([a], [b]) => a - b);
}

export function mergeHistograms(parts: readonly Histogram[]): Histogram {
  const counts = new Map<number, number>();
  for (const [bucket, count] of parts.flat()) counts.set(bucket, (counts.get(bucket) ?? 0) + count);
  return [...counts].toSorted(([a], [b]) => a - b);
}

/** The bucket below which `share` (0..1) of all samples lie, or in it; undefined without samples. */
export function percentileOf(histogram: Histogram, share: number): number | undefined {
  const total = histogram.reduce((sum, [, count]) => sum + count, 0);
  const rank = Math.max(1, Math.ceil(share * total));
  let seen = 0;
  for (const [bucket, count] of histogram) {
    seen += count;
    if (seen >= rank) return bucket;
  }
  return undefined;
}
