/**
 * A Redis cluster: every partition of keys has a slot, every slot a primary, and both follow the
 * cluster when slots move and primaries fail. Interest moves with them, and the move is told.
 */
import { BackplaneUnavailableError } from '../backplane.ts';
import type { ChannelNames } from './channels.ts';
import type { PendingCommand } from './publisher.ts';
import { addressText, type RedisAddress } from './redis-url.ts';
import type { ServerLink } from './server-link.ts';
import { readMoved, readAsk, type SlotMap } from './slot-map.ts';
import type { SlotReader } from './slot-reader.ts';
import type { Topology } from './topology.ts';

export interface ClusterTopologyOptions<L extends ServerLink> {
  readonly channels: ChannelNames;
  readonly reader: SlotReader;
  /** A link to one primary, not opened. */
  readonly linkTo: (address: RedisAddress) => L;
  /** How the cluster is named in errors. */
  readonly name: string;
  /** How long `start` asks for the slots before it fails. */
  readonly startTimeoutMs: number;
}

/** Redirections of one command; more of them mean that the nodes disagree. */
const hopsMax = 3;
const startPauseMs = 200;
/** The map is read every so many ticks even when nothing looks wrong. */
const ticksPerRefresh = 4;

export class ClusterTopology<L extends ServerLink> implements Topology<L> {
  /** SPUBLISH counts, but in a failover it counts wrong. */
  readonly countsReceivers = false;
  readonly channels: ChannelNames;
  readonly #options: ClusterTopologyOptions<L>;
  readonly #links = new Map<string, L>();
  /** By partition. */
  readonly #owners: (L | undefined)[];
  #ticks = 0;
  /** True from the moment every partition has an owner. */
  #isRouting = false;
  #isReading = false;
  #isStale = false;
  #isClosed = false;

  constructor(options: ClusterTopologyOptions<L>) {
    this.#options = options;
    this.channels = options.channels;
    const { partitions } = options.channels;
    this.#owners = Array.from<L | undefined>({ length: partitions });
  }

  async start(): Promise<void> {
    const primaries = await this.#firstPrimaries();
    for (const [partition, primary] of primaries.entries()) {
      this.#owners[partition] = this.#linkTo(primary);
    }
    this.#isRouting = true;
    const links = this.links();
    await Promise.all(links.map((link) => link.start(this.#owners.indexOf(link))));
  }

  partitionOf(key: string): number {
    return this.channels.partitionOf(key);
  }

  channelOf(key: string, partition: number): string {
    return this.channels.ofKey(key, partition);
  }

  linkOf(partition: number): L | undefined {
    return this.#owners[partition];
  }

  links(): readonly L[] {
    return [...this.#links.values()];
  }

  tick(): void {
    this.#ticks += 1;
    for (const link of this.#links.values()) link.tick();
    const isDue = this.#ticks % ticksPerRefresh === 0;
    if (isDue || this.#isStale || !this.links().every((link) => link.isUp)) void this.#refresh();
  }

  /** Some server said that it has not got what we thought. True: it takes over `command`. */
  moved(message: string | undefined, command: PendingCommand | undefined): boolean {
    const asked = message === undefined ? undefined : readAsk(message);
    if (asked !== undefined && command !== undefined && !this.#isClosed) {
      // The slot is on its way; until it has arrived its old server is the one to try first.
      return this.#passOn(command, asked.primary, true);
    }
    this.#isStale = true;
    const moved = message === undefined ? undefined : readMoved(message);
    if (moved === undefined || this.#isClosed) {
      void this.#refresh();
      return false;
    }
    const { slot, primary } = moved;
    const { channels, reader } = this.#options;
    for (const [partition] of this.#owners.entries()) {
      if (channels.slotOf(partition) === slot) this.#move(partition, primary);
    }
    reader.prefer(primary);
    void this.#refresh();
    return command !== undefined && this.#passOn(command, primary, false);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#options.reader.close();
    await Promise.all(this.links().map((link) => link.close()));
  }

  /** The primary of every partition; asks again for a while, as a cluster may be starting too. */
  async #firstPrimaries(): Promise<readonly RedisAddress[]> {
    const { name, reader, startTimeoutMs } = this.#options;
    const deadline = performance.now() + startTimeoutMs;
    for (;;) {
      try {
        return this.#primariesOf(await reader.read());
      } catch (cause) {
        if (performance.now() < deadline && !this.#isClosed) {
          await new Promise((resolve) => setTimeout(resolve, startPauseMs));
          continue;
        }
        const trouble = cause instanceof Error ? cause.message : String(cause);
        throw new BackplaneUnavailableError(
          `The Redis cluster at ${name} cannot be used: ${trouble}. Start it, or correct the ` +
            `backplane's URL (addresses, user and password, TLS)`,
          { cause },
        );
      }
    }
  }

  #primariesOf(map: SlotMap): readonly RedisAddress[] {
    return this.#owners.map((_, partition) => {
      const slot = this.channels.slotOf(partition);
      const primary = map.primaryOf(slot);
      if (primary === undefined) throw new Error(`no server has its slot ${slot}`);
      return primary;
    });
  }

  async #refresh(): Promise<void> {
    if (this.#isReading || this.#isClosed || !this.#isRouting) return;
    this.#isReading = true;
    this.#isStale = false;
    try {
      this.#apply(await this.#options.reader.read());
    } catch {
      // Nobody can be asked: the links' own state says so, and the next tick tries again.
      this.#isStale = true;
    } finally {
      this.#isReading = false;
    }
  }

  #apply(map: SlotMap): void {
    if (this.#isClosed) return;
    for (const [partition] of this.#owners.entries()) {
      const primary = map.primaryOf(this.channels.slotOf(partition));
      if (primary !== undefined) this.#move(partition, primary);
    }
    const used = new Set(this.#owners);
    for (const [name, link] of this.#links) {
      if (used.has(link)) continue;
      this.#links.delete(name);
      void link.close();
    }
  }

  #passOn(command: PendingCommand, primary: RedisAddress, isAsking: boolean): boolean {
    if (command.hops >= hopsMax) return false;
    command.hops += 1;
    command.isAsking = isAsking;
    this.#linkTo(primary).accept(command);
    return true;
  }

  #move(partition: number, primary: RedisAddress): void {
    const from = this.#owners[partition];
    const to = this.#linkTo(primary);
    if (from === to) return;
    this.#owners[partition] = to;
    to.adopt(partition, from?.release(partition) ?? []);
  }

  /** Opened, except before the start. */
  #linkTo(address: RedisAddress): L {
    const name = addressText(address);
    let link = this.#links.get(name);
    if (link === undefined) {
      link = this.#options.linkTo(address);
      this.#links.set(name, link);
      if (this.#isRouting) link.open();
    }
    return link;
  }
}
