/** One server, the primary of a set of sentinels, or several independent servers. */
import type { ChannelNames } from './channels.ts';
import { HashRing } from './hash.ts';
import type { Link } from './link.ts';
import type { Topology } from './topology.ts';

/** One partition per server; with several servers, keys spread by consistent hashing. */
export class FixedTopology implements Topology {
  readonly countsReceivers = true;
  readonly #links: readonly Link[];
  readonly #channels: ChannelNames;
  readonly #ring: HashRing;

  constructor(links: readonly Link[], channels: ChannelNames) {
    this.#links = links;
    this.#channels = channels;
    this.#ring = new HashRing(links.map(({ server }) => server));
  }

  async start(): Promise<void> {
    await Promise.all(this.#links.map((link, partition) => link.start(partition)));
  }

  partitionOf(key: string): number {
    return this.#links.length === 1 ? 0 : this.#ring.serverOf(key);
  }

  channelOf(key: string): string {
    return this.#channels.ofKey(key, 0);
  }

  linkOf(partition: number): Link | undefined {
    return this.#links[partition];
  }

  links(): readonly Link[] {
    return this.#links;
  }

  tick(): void {
    for (const link of this.#links) link.tick();
  }

  async close(): Promise<void> {
    await Promise.all(this.#links.map((link) => link.close()));
  }
}
