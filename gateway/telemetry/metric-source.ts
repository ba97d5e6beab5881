/** How a part of the gateway shows its counters to the metrics page. */

export interface MetricSample {
  /** A value for each of the source's label names. */
  readonly labels?: Readonly<Record<string, string | number>>;
  readonly value: number;
}

export interface MetricSource {
  /** `trunkline_` and words with the unit last; counters end in `_total`. */
  readonly name: string;
  /** One sentence. */
  readonly help: string;
  /** A counter only grows while the process lives. */
  readonly type: 'counter' | 'gauge';
  /** Names of the labels that every sample has; a small, bounded set of values each. */
  readonly labelNames?: readonly string[];
  /** Called for each page; must not throw and not wait. */
  read(): Iterable<MetricSample>;
}
