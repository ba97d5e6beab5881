/** One server, the primary of a set of sentinels, or several independent servers. */
import type { ChannelNames } from './channels.ts';
import { HashRing } from './hash.ts';
import type { ServerLink } from './server-link.ts';
import type { SentinelWatch } from './sentinel-watch.ts';
import type { Topology } from './topology.ts';

/** One partition per server; with several servers, keys spread by consistent hashing. */
export class FixedTopology<L extends ServerLink> implements Topology<L> {
  readonly countsReceivers = true;
  readonly #links: readonly L[];
  readonly channels: ChannelNames;
  readonly #ring: HashRing;
  readonly #watch: SentinelWatch | undefined;

  constructor(links: readonly L[], channels: ChannelNames, watch?: SentinelWatch) {
    this.#watch = watch;
    this.#links = links;
    this.channels = channels;
    this.#ring = new HashRing(links.map(({ server }) => server));
  }

  async start(): Promise<void> {
    this.#watch?.open();
    await Promise.all(this.#links.map((link, partition) => link.start(partition)));
  }

  partitionOf(key: string): number {
    return this.#links.length === 1 ? 0 : this.#ring.serverOf(key);
  }

  channelOf(key: string): string {
    return this.channels.ofKey(key, 0);
  }

  linkOf(partition: number): L | undefined {
    return this.#links[partition];
  }

  links(): readonly L[] {
    return this.#links;
  }

  tick(): void {
    this.#watch?.tick();
    for (const link of this.#links) link.tick();
  }

  async close(): Promise<void> {
    this.#watch?.close();
    await Promise.all(this.#links.map((link) => link.close()));
  }
}
