/** A TCP proxy of loopback that can cut connections, and stop reading as a frozen client does. */
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export class StoppableProxy {
  readonly #server: Server;
  readonly #pairs = new Set<readonly [client: Socket, upstream: Socket]>();
  #isStopped = false;

  constructor(targetPort: number) {
    this.#server = createServer((client) => {
      const upstream = connect(targetPort, '127.0.0.1');
      const pair = [client, upstream] as const;
      this.#pairs.add(pair);
      for (const [from, to] of [pair, [upstream, client] as const]) {
        from.on('error', () => to.destroy());
        from.on('close', () => {
          to.destroy();
          this.#pairs.delete(pair);
        });
      }
      client.on('data', (chunk) => upstream.write(chunk));
      upstream.on('data', (chunk) => client.write(chunk));
      if (this.#isStopped) upstream.pause();
    });
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

  stopReading(): void {
    this.#isStopped = true;
    for (const [, upstream] of this.#pairs) upstream.pause();
  }

  readAgain(): void {
    this.#isStopped = false;
    for (const [, upstream] of this.#pairs) upstream.resume();
  }

  /** Ends all connections; new ones are welcome. */
  cut(): void {
    for (const [client, upstream] of this.#pairs) {
      client.destroy();
      upstream.destroy();
    }
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => {
      this.#server.close(resolve);
    });
    this.cut();
    await closed;
  }
}
