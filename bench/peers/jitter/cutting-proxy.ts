/**
 * A TCP proxy that takes single clients offline by the plan: their connections are reset, and new
 * ones while it lasts, too. Each client is known by the loopback address that it connects to.
 */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { cutsOf, offlineUntil, type CutPlan } from './cut-plan.ts';

const addressesPerByte = 250;

/** The address by which the proxy knows a client. Linux lets all of 127.0.0.0/8 be connected to. */
export function addressOfClient(client: number): string {
  const [high, low] = [Math.floor(client / addressesPerByte), client % addressesPerByte];
  return `127.1.${String(high)}.${String(low + 1)}`;
}

export class CuttingProxy {
  readonly #plan: CutPlan;
  readonly #targetPort: number;
  readonly #server = createServer((socket) => this.#join(socket));
  readonly #clients = new Map<string, number>();
  readonly #sockets = new Map<number, Set<Socket>>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #startedAt: number | undefined;
  /** Connections that were cut, and new ones that were refused because their client was offline. */
  cuts = 0;
  refused = 0;

  constructor(plan: CutPlan, targetPort: number) {
    this.#plan = plan;
    this.#targetPort = targetPort;
    for (let client = 0; client < plan.clients; client++) {
      this.#clients.set(addressOfClient(client), client);
    }
  }

  /** Resolves with its port. */
  async listen(): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(0, '0.0.0.0', resolve);
    });
    // A server that listens on a port has such an address.
    return (this.#server.address() as AddressInfo).port;
  }

  /** The plan begins now. */
  start(): void {
    this.#startedAt = performance.now();
    for (let client = 0; client < this.#plan.clients; client++) {
      for (const atMs of cutsOf(this.#plan, client)) {
        this.#timers.add(setTimeout(() => this.#cut(client), atMs));
      }
    }
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    for (const sockets of this.#sockets.values()) for (const socket of sockets) socket.destroy();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  #cut(client: number): void {
    for (const socket of this.#sockets.get(client) ?? []) {
      this.cuts++;
      socket.resetAndDestroy();
    }
  }

  #isOffline(client: number): boolean {
    if (this.#startedAt === undefined) return false;
    return offlineUntil(this.#plan, client, performance.now() - this.#startedAt) !== undefined;
  }

  #join(socket: Socket): void {
    const client = this.#clients.get(socket.localAddress ?? '');
    if (client === undefined || this.#isOffline(client)) {
      this.refused++;
      socket.resetAndDestroy();
      return;
    }
    const upstream = connect(this.#targetPort, '127.0.0.1');
    const sockets = this.#sockets.get(client) ?? new Set<Socket>();
    this.#sockets.set(client, sockets.add(socket));
    socket.setNoDelay(true);
    upstream.setNoDelay(true);
    // An error is followed by "close", which is all that matters here.
    socket.on('error', () => undefined);
    upstream.on('error', () => undefined);
    socket.once('close', () => {
      sockets.delete(socket);
      upstream.destroy();
    });
    upstream.once('close', () => socket.destroy());
    socket.pipe(upstream).pipe(socket);
  }
}
