/** Two joined server processes and their broker, as the benchmark sees them. */
import type { GeneratorOptions } from '../generator.ts';

/** Running servers: senders connect to the first, receivers to the second. */
export interface CrossServers {
  /** Process ids: first server, second server, broker. */
  readonly pids: readonly [number, number, number];
  readonly brokerUrl: string;
  readonly options: GeneratorOptions;
  stop(): Promise<void>;
}

export interface CrossTarget {
  readonly name: string;
  readonly start: (pairs: number) => Promise<CrossServers>;
}
