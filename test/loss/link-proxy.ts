/** A TCP proxy of loopback that cuts, delays, holds back or swallows what passes through it. */
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

const queuedBytesMax = 1024 * 1024;

/** One direction of a connection: what was read waits here until it is due. */
class Flow {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #proxy: LinkProxy;
  readonly #queue: { readonly chunk: Buffer; readonly dueMs: number }[] = [];
  #queuedBytes = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(proxy: LinkProxy, from: Socket, to: Socket) {
    this.#proxy = proxy;
    this.#from = from;
    this.#to = to;
    from.on('data', (chunk: Buffer) => this.#take(chunk));
    to.on('drain', () => this.move());
    if (proxy.isHeld) from.pause();
  }

  /** Passes on what is due. */
  move(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#to.destroyed) return;
    if (this.#proxy.isHeld) {
      this.#from.pause();
      return;
    }
    const now = performance.now();
    while (!this.#to.writableNeedDrain) {
      const [first] = this.#queue;
      if (first === undefined || first.dueMs > now) break;
      this.#queue.shift();
      this.#queuedBytes -= first.chunk.length;
      this.#to.write(first.chunk);
    }
    const [first] = this.#queue;
    if (first !== undefined && !this.#to.writableNeedDrain) {
      this.#timer = setTimeout(() => this.move(), Math.max(1, first.dueMs - now));
    }
    if (this.#queuedBytes < queuedBytesMax) this.#from.resume();
    else this.#from.pause();
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#queue.length = 0;
  }

  #take(chunk: Buffer): void {
    if (this.#proxy.isHole) return;
    const { delayMs } = this.#proxy;
    if (delayMs === 0 && this.#queue.length === 0 && !this.#to.writableNeedDrain) {
      this.#to.write(chunk);
      if (this.#to.writableNeedDrain) this.#from.pause();
      return;
    }
    this.#queue.push({ chunk, dueMs: performance.now() + delayMs });
    this.#queuedBytes += chunk.length;
    this.move();
  }
}

interface Pair {
  readonly client: Socket;
  readonly upstream: Socket;
  readonly flows: readonly Flow[];
}

export class LinkProxy {
  readonly #server: Server;
  #targetPort: number;
  readonly #pairs = new Set<Pair>();
  #delayMs = 0;
  #isHole = false;
  #isHeld = false;

  constructor(targetPort: number) {
    this.#targetPort = targetPort;
    this.#server = createServer((client) => this.#join(client));
  }

  get delayMs(): number {
    return this.#delayMs;
  }

  get isHole(): boolean {
    return this.#isHole;
  }

  get isHeld(): boolean {
    return this.#isHeld;
  }

  get targetPort(): number {
    return this.#targetPort;
  }

  /** Where connections go from now on. */
  set targetPort(port: number) {
    this.#targetPort = port;
  }

  /** Port to connect to; after `listen`. */
  get port(): number {
    // A server that listens on a port has such an address.
    return (this.#server.address() as AddressInfo).port;
  }

  listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(0, '127.0.0.1', 4096, resolve);
    });
  }

  /** Ends every connection as a reset does. */
  cut(): void {
    for (const { client, upstream } of this.#pairs) {
      client.resetAndDestroy();
      upstream.resetAndDestroy();
    }
  }

  /** Everything takes so much longer, each way. */
  delay(ms: number): void {
    this.#delayMs = ms;
  }

  /** Nothing passes until `heal`, and nothing is lost: a network that is away for a while. */
  hold(): void {
    this.#isHeld = true;
    this.#moveAll();
  }

  /** What passes is lost and nobody is told: `heal` cuts what has lost something. */
  swallow(): void {
    this.#isHole = true;
  }

  heal(): void {
    this.#delayMs = 0;
    this.#isHeld = false;
    if (this.#isHole) this.cut();
    this.#isHole = false;
    this.#moveAll();
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = new Promise((resolve) => {
      this.#server.close(resolve);
    });
    this.cut();
    await closed;
  }

  #moveAll(): void {
    for (const { flows } of this.#pairs) for (const flow of flows) flow.move();
  }

  #join(client: Socket): void {
    const upstream = connect(this.#targetPort, '127.0.0.1');
    client.setNoDelay(true);
    upstream.setNoDelay(true);
    const flows = [new Flow(this, client, upstream), new Flow(this, upstream, client)];
    const pair: Pair = { client, upstream, flows };
    this.#pairs.add(pair);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      // The close that follows says the same to the other end.
      from.on('error', () => undefined);
      from.on('close', () => {
        to.destroySoon();
        this.#pairs.delete(pair);
        for (const flow of flows) flow.end();
      });
    }
  }
}
