/** What a topology asks of everything that stands between this node and one server. */
import type { Redis } from 'ioredis';
import type { ChannelNames } from './channels.ts';
import type { PendingCommand } from './publisher.ts';
import type { Interest } from './subscriber.ts';

export interface ServerLink {
  /** Where, for errors. */
  readonly server: string;
  /** True: everything that the link is for works. */
  readonly isUp: boolean;
  /** Begins to connect, and does not stop until `close`. */
  open(): void;
  /**
   * Connects, and shows with this partition that the server can be used.
   * @throws BackplaneUnavailableError that names the server and the remedy.
   */
  start(partition: number): Promise<void>;
  /** Takes over what another server did not want. */
  accept(command: PendingCommand): void;
  /** Gives away what it keeps for a partition. */
  release(partition: number): Interest[];
  /** Has the partition from now on, with what another server kept for it. */
  adopt(partition: number, interests: readonly Interest[]): void;
  /** Call it every so often. */
  tick(): void;
  /** Gives up its connections and makes new ones. */
  renew(reason: string): void;
  close(): Promise<void>;
}

/** Another server has the slot. True: `command` has been taken over, where there is one. */
export type OnMoved = (message: string | undefined, command?: PendingCommand) => boolean;

/** What a topology knows of a server to which it wants a link. */
export interface LinkParts {
  readonly server: string;
  /** A client that has not begun to connect. @param role shown in the server's CLIENT LIST. */
  readonly create: (role: string) => Redis;
  /** True: the server is a part of a cluster. */
  readonly isSharded: boolean;
  /** True: two connections may end at different servers. */
  readonly mayDisagree: boolean;
  readonly channels: ChannelNames;
  readonly onMoved: OnMoved;
}

/** Makes links to servers, not opened. */
export type MakeLink<L extends ServerLink> = (parts: LinkParts) => L;
