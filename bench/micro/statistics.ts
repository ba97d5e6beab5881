/** Percentiles of raw samples, and the few numbers that summarise repeated runs. */

/** All samples of all runs in ascending order. Percentiles come from here, never from averages. */
export function mergeSamples(parts: readonly Uint32Array[]): Uint32Array {
  const merged = new Uint32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    merged.set(part, at);
    at += part.length;
  }
  return merged.sort();
}

/**
 * The smallest sample that at least `share` (0..1) of all samples do not exceed; undefined without
 * samples.
 */
export function percentile(sorted: Uint32Array, share: number): number | undefined {
  if (sorted.length === 0) return undefined;
  const rank = Math.ceil(share * sorted.length);
  return sorted[Math.min(Math.max(rank, 1), sorted.length) - 1];
}

/** The middle value; the mean of the two middle ones of an even number. Undefined of nothing. */
export function median(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.floor((sorted.length - 1) / 2)];
  return upper === undefined || lower === undefined ? undefined : (upper + lower) / 2;
}

/** Largest minus smallest, as a share of the median; 0 of fewer than two values. */
export function spread(values: readonly number[]): number {
  const middle = median(values);
  if (values.length < 2 || middle === undefined || middle === 0) return 0;
  return (Math.max(...values) - Math.min(...values)) / Math.abs(middle);
}

/** Numerator over denominator; undefined when either is unknown or the denominator is 0. */
export function ratio(
  numerator: number | undefined,
  denominator: number | undefined,
): number | undefined {
  if (numerator === undefined || denominator === undefined || denominator === 0) return undefined;
  return numerator / denominator;
}
