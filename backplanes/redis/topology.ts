/** Which server has which keys: what backplane and stream store see of one server, of several, of a cluster. */
import type { ChannelNames } from './channels.ts';
import type { ServerLink } from './server-link.ts';

export interface Topology<L extends ServerLink> {
  /** True: the reply to a publish counts all interested nodes. */
  readonly countsReceivers: boolean;
  readonly channels: ChannelNames;
  /**
   * Connects to every server. @throws BackplaneUnavailableError that names the server and the
   * remedy, when one of them cannot be used in time.
   */
  start(): Promise<void>;
  partitionOf(key: string): number;
  channelOf(key: string, partition: number): string;
  /** The server of a partition; undefined while none is known. */
  linkOf(partition: number): L | undefined;
  /** Every server in use. */
  links(): readonly L[];
  /** Call it every so often. */
  tick(): void;
  close(): Promise<void>;
}
