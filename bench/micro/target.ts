/** What a server under test is to the benchmark: how it is started, and what its clients say. */
import type { ServerCommand } from './child-server.ts';
import type { GeneratorOptions } from './generator.ts';

export interface Clients {
  readonly port: number;
  readonly connections: number;
  /** Members of one group; the generator numbers groups from 0. */
  readonly groupSize: number;
  /** False: the connections only connect. */
  readonly join: boolean;
}

export interface PreparedClients {
  readonly options: GeneratorOptions;
  /** Removes what was written for these clients. */
  readonly dispose: () => void;
}

/** How unused memory is given back before a reading: by the inspector, by a request, or not at all. */
export type Collection = 'inspector' | 'request' | 'nothing';

export interface Target {
  readonly name: string;
  readonly command: (port: number, inspect: boolean) => ServerCommand;
  /** Options that make the generator's connections members and its publishers publish. */
  readonly clients: (clients: Clients) => PreparedClients;
  /** True when `/metrics` says how many writes there were. */
  readonly hasMetrics: boolean;
  /** Default: by the inspector of Node.js. */
  readonly collection?: Collection;
}

/** Of clients that need no file. */
export function nothingToDispose(): void {
  // Nothing was written.
}
