/** Real servers, sockets and raw connections for the tests of the transport. */
import { once } from 'node:events';
import { connect, createServer, type Socket as TcpSocket } from 'node:net';
import type { TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { WebSocket, type ClientOptions } from 'ws';
import { defaultLimits, type Limits } from '../../gateway/limits.ts';
import type {
  Socket,
  SocketHandler,
  TransportHandlers,
} from '../../gateway/transport/transport.ts';
import { UwsServer, type UwsServerOptions } from '../../gateway/transport/uws-server.ts';

const deadlineMs = 10_000;

/** Resolves when `condition` holds; rejects, naming `what`, when it does not in time. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + deadlineMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`gave up waiting until ${what}`);
    await wait(2);
  }
}

/** Writes down everything that happens to a socket, and does what the hooks say. */
export class RecordingHandler implements SocketHandler {
  readonly events: string[] = [];
  readonly frames: { readonly bytes: Buffer; readonly isBinary: boolean }[] = [];
  readonly closes: { readonly code: number; readonly reason: string }[] = [];
  readonly #hooks: Partial<SocketHandler>;
  #socket: Socket | undefined;

  constructor(hooks: Partial<SocketHandler> = {}) {
    this.#hooks = hooks;
  }

  get socket(): Socket {
    if (this.#socket === undefined) throw new Error('the socket has not been opened');
    return this.#socket;
  }

  onOpen(socket: Socket): void {
    this.events.push('open');
    this.#socket = socket;
    this.#hooks.onOpen?.(socket);
  }

  onFrame(bytes: Uint8Array, isBinary: boolean): void {
    this.events.push('frame');
    this.frames.push({ bytes: Buffer.from(bytes), isBinary });
    this.#hooks.onFrame?.(bytes, isBinary);
  }

  onOversize(bytes: number): void {
    this.events.push(`oversize ${bytes}`);
    this.#hooks.onOversize?.(bytes);
  }

  onDrain(): void {
    this.events.push('drain');
    this.#hooks.onDrain?.();
  }

  onClose(code: number, reason: string): void {
    this.events.push('close');
    this.closes.push({ code, reason });
    this.#hooks.onClose?.(code, reason);
  }
}

export interface Harness {
  readonly server: UwsServer;
  readonly port: number;
  readonly origin: string;
  /** What handlers threw. */
  readonly errors: unknown[];
  /** Handlers of accepted sockets, in order, where the test did not bring its own `onUpgrade`. */
  readonly sockets: RecordingHandler[];
}

export interface HarnessOptions extends Partial<Omit<UwsServerOptions, 'limits'>> {
  readonly limits?: Partial<Limits>;
  readonly handlers?: Partial<TransportHandlers>;
  /** Hooks of the recording handlers. */
  readonly hooks?: Partial<SocketHandler>;
}

/** Starts a server on a free port of the loopback; it ends with the test. */
export async function startServer(t: TestContext, options: HarnessOptions = {}): Promise<Harness> {
  const { limits, handlers, hooks, ...rest } = options;
  const errors: unknown[] = [];
  const sockets: RecordingHandler[] = [];
  const server = new UwsServer(
    {
      host: '127.0.0.1',
      port: 0,
      onError: (error) => errors.push(error),
      ...rest,
      limits: { ...defaultLimits, ...limits },
    },
    {
      isWebSocketPath: (path) => path.startsWith('/client'),
      onUpgrade: () => {
        const handler = new RecordingHandler(hooks);
        sockets.push(handler);
        return { accept: handler, subprotocol: undefined };
      },
      onHeaders: () => undefined,
      onRequest: (request) => ({ status: 200, body: `${request.method} ${request.path}` }),
      ...handlers,
    },
  );
  t.after(() => {
    server.close();
  });
  const { port } = await server.start();
  return { server, port, origin: `http://127.0.0.1:${port}`, errors, sockets };
}

/**
 * A port on which nobody listens. A server that is given port 0 itself cannot share it, nor can it
 * be listened on again at once: only for named ports the native code allows either.
 */
export async function findFreePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port was given');
  return address.port;
}

/** The handler of the first socket, once it is open. */
export async function firstSocket(harness: Harness): Promise<RecordingHandler> {
  await until(() => harness.sockets[0]?.events[0] === 'open', 'a socket is open');
  const [handler] = harness.sockets;
  if (handler === undefined) throw new Error('no socket was accepted');
  return handler;
}

export interface Client {
  readonly ws: WebSocket;
  readonly messages: { readonly data: Buffer; readonly isBinary: boolean }[];
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
}

export interface ClientSettings extends ClientOptions {
  readonly path?: string;
  readonly protocols?: readonly string[];
}

/** Connects a WebSocket; rejects with the HTTP status where the upgrade is refused. */
export async function openClient(
  t: TestContext,
  port: number,
  settings: ClientSettings = {},
): Promise<Client> {
  const { path = '/client', protocols = [], ...options } = settings;
  const scheme = options.ca === undefined ? 'ws' : 'wss';
  const ws = new WebSocket(`${scheme}://127.0.0.1:${port}${path}`, [...protocols], {
    handshakeTimeout: deadlineMs,
    ...options,
  });
  t.after(() => {
    ws.terminate();
  });
  const messages: Client['messages'] = [];
  ws.on('message', (data: Buffer, isBinary) => messages.push({ data, isBinary }));
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    ws.on('close', (code, reason) => {
      resolve({ code, reason: reason.toString() });
    });
  });
  await new Promise<void>((resolve, reject) => {
    ws.once('open', resolve);
    ws.on('error', reject);
    ws.once('unexpected-response', (_request, response) => {
      response.resume();
      reject(new UpgradeRefused(response.statusCode ?? 0, response.headers['retry-after']));
    });
  });
  return { ws, messages, closed };
}

export class UpgradeRefused extends Error {
  readonly status: number;
  readonly retryAfter: string | undefined;

  constructor(status: number, retryAfter: string | undefined) {
    super(`upgrade refused with ${status}`);
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

/** A TCP connection whose bytes the test writes and reads itself. */
export class RawClient {
  readonly #socket: TcpSocket;
  #received = Buffer.alloc(0);
  #isClosed = false;

  constructor(socket: TcpSocket) {
    this.#socket = socket;
    socket.on('data', (chunk) => {
      this.#received = Buffer.concat([this.#received, chunk]);
    });
    socket.on('close', () => {
      this.#isClosed = true;
    });
    // A reset is one of the ways in which a server may close; tests look at isClosed.
    socket.on('error', () => {
      this.#isClosed = true;
    });
  }

  static async open(
    t: TestContext,
    port: number,
    options: { readonly allowHalfOpen?: boolean } = {},
  ): Promise<RawClient> {
    const socket = connect({ port, host: '127.0.0.1', ...options });
    t.after(() => {
      socket.destroy();
    });
    const client = new RawClient(socket);
    await until(() => !socket.connecting, 'the TCP connection is there');
    return client;
  }

  get text(): string {
    return this.#received.toString('latin1');
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  write(data: string | Uint8Array): void {
    this.#socket.write(data);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Goes away without a word. */
  reset(): void {
    this.#socket.resetAndDestroy();
  }

  async untilText(part: string): Promise<void> {
    await until(() => this.text.includes(part), `the server says ${JSON.stringify(part)}`);
  }

  async untilClosed(): Promise<void> {
    await until(() => this.#isClosed, 'the server closes the connection');
  }
}

/** The text of a request without a body, or with one whose length is declared. */
export function requestText(line: string, body?: string, headers: readonly string[] = []): string {
  const length = body === undefined ? [] : [`Content-Length: ${Buffer.byteLength(body)}`];
  const head = [`${line} HTTP/1.1`, 'Host: test', ...length, ...headers];
  return `${head.join('\r\n')}\r\n\r\n${body ?? ''}`;
}

/** The text of a well-formed upgrade request. */
export function upgradeText(path: string): string {
  return requestText(`GET ${path}`, undefined, [
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  ]);
}

/** A client frame with opcode `opcode` and a zero mask. */
export function clientFrame(opcode: number, payload: Uint8Array): Buffer {
  const length = payload.byteLength;
  const head =
    length < 126
      ? Buffer.from([0x80 | opcode, 0x80 | length, 0, 0, 0, 0])
      : Buffer.from([0x80 | opcode, 0x80 | 126, length >> 8, length & 0xff, 0, 0, 0, 0]);
  return Buffer.concat([head, payload]);
}
