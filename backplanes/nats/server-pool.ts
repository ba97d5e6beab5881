/** The servers to try, in which order: those of the URL, and those that the cluster told of. */
import { addressText, parseAddress, type NatsAddress } from './nats-url.ts';
import { learnedServersMax } from './settings.ts';

export class ServerPool {
  readonly #servers = new Map<string, NatsAddress>();
  readonly #configured: number;
  #next: number;

  /** @param random a number in [0, 1): spreads the nodes over the servers. */
  constructor(configured: readonly NatsAddress[], random: () => number) {
    for (const address of configured) this.#servers.set(addressText(address), address);
    this.#configured = this.#servers.size;
    this.#next = Math.floor(random() * this.#servers.size);
  }

  get size(): number {
    return this.#servers.size;
  }

  /** Adds `host:port` texts of a server's INFO; what is none, or too many, is left out. */
  learn(texts: readonly string[]): void {
    for (const text of texts) {
      const address = parseAddress(text);
      if (address === undefined) continue;
      if (this.#servers.size >= this.#configured + learnedServersMax) return;
      this.#servers.set(addressText(address), address);
    }
  }

  /** Every server once, each round beginning after the server that was taken last. */
  *round(): Generator<NatsAddress> {
    const servers = [...this.#servers.values()];
    for (let count = 0; count < servers.length; count += 1) {
      const address = servers[this.#next % servers.length];
      this.#next = (this.#next + 1) % servers.length;
      if (address !== undefined) yield address;
    }
  }
}
