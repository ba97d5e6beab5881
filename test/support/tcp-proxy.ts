/** A TCP proxy of loopback that can cut what passes through it, or swallow it without a word. */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

type Pair = readonly [client: Socket, upstream: Socket];

export class TcpProxy {
  readonly #server;
  readonly #pairs = new Set<Pair>();
  #targetPort: number;
  #isBlackHole = false;
  #isRefusing = false;
  /** Connections that were accepted so far. */
  accepted = 0;

  constructor(targetPort: number) {
    this.#targetPort = targetPort;
    this.#server = createServer((client) => this.#join(client));
  }

  /** Resolves with the port to connect to. */
  listen(): Promise<number> {
    return new Promise((resolve) => {
      this.#server.listen(0, '127.0.0.1', () => {
        // A server that listens on a port has such an address.
        resolve((this.#server.address() as AddressInfo).port);
      });
    });
  }

  /** Where connections go from now on. */
  set targetPort(port: number) {
    this.#targetPort = port;
  }

  /** Ends all connections as a reset does. */
  cut(): void {
    for (const [client, upstream] of this.#pairs) {
      client.resetAndDestroy();
      upstream.destroy();
    }
  }

  /** From now on new connections are reset at once. */
  refuse(): void {
    this.#isRefusing = true;
  }

  /** New connections pass again. */
  welcome(): void {
    this.#isRefusing = false;
  }

  /** From now on nothing passes in either direction, and nobody is told: new connections, too. */
  swallow(): void {
    this.#isBlackHole = true;
  }

  /** Lets new connections through; those that were swallowed are cut. */
  heal(): void {
    this.#isBlackHole = false;
    this.cut();
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => {
      this.#server.close(resolve);
    });
    this.cut();
    await closed;
  }

  #join(client: Socket): void {
    this.accepted += 1;
    if (this.#isRefusing) {
      client.resetAndDestroy();
      return;
    }
    const upstream = connect(this.#targetPort, '127.0.0.1');
    const pair: Pair = [client, upstream];
    this.#pairs.add(pair);
    for (const [from, to] of [pair, [upstream, client] as const]) {
      from.on('data', (chunk) => {
        if (!this.#isBlackHole) to.write(chunk);
      });
      from.on('error', () => to.destroy());
      from.on('close', () => {
        to.destroy();
        this.#pairs.delete(pair);
      });
    }
  }
}
