/** Which server has which keys: what the backplane sees of one server, of several, of a cluster. */
import type { Link } from './link.ts';

export interface Topology {
  /** True: the reply to a publish counts all interested nodes. */
  readonly countsReceivers: boolean;
  /**
   * Connects to every server. @throws BackplaneUnavailableError that names the server and the
   * remedy, when one of them cannot be used in time.
   */
  start(): Promise<void>;
  partitionOf(key: string): number;
  channelOf(key: string, partition: number): string;
  /** The server of a partition; undefined while none is known. */
  linkOf(partition: number): Link | undefined;
  /** Every server in use. */
  links(): readonly Link[];
  /** Call it every so often. */
  tick(): void;
  close(): Promise<void>;
}
