/** A WebSocket client that sees every frame exactly as it was sent. */
import type { Socket as NetSocket } from 'node:net';
import type { TestContext } from 'node:test';
import { WebSocket, type ClientOptions } from 'ws';
import { Inbox } from './inbox.ts';
import { withDeadline } from './wait.ts';

export interface CloseEvent {
  readonly code: number;
  readonly reason: string;
}

/** The gateway answered the upgrade with an HTTP response instead. */
export class UpgradeRefusal extends Error {
  override readonly name = 'UpgradeRefusal';
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, unknown>>;

  constructor(status: number, body: string, headers: Readonly<Record<string, unknown>>) {
    super(`upgrade refused with ${status}: ${body}`);
    this.status = status;
    this.body = body;
    this.headers = headers;
  }
}

export interface FrameClientOptions extends ClientOptions {
  readonly subprotocols?: readonly string[];
}

export class FrameClient {
  readonly #socket: WebSocket;
  /** Text frames as strings, binary ones as buffers. */
  readonly frames = new Inbox<string | Buffer>('frames');
  readonly #closed: Promise<CloseEvent>;
  #connection: NetSocket | undefined;

  private constructor(url: string, options: FrameClientOptions) {
    const { subprotocols = [], ...others } = options;
    this.#socket = new WebSocket(url, [...subprotocols], others);
    this.#socket.once('upgrade', (response) => {
      this.#connection = response.socket;
    });
    this.#socket.on('message', (data: Buffer, isBinary) => {
      this.frames.push(isBinary ? data : data.toString('utf8'));
    });
    this.#closed = new Promise((resolve) => {
      this.#socket.on('close', (code, reason) => {
        resolve({ code, reason: reason.toString('utf8') });
      });
    });
  }

  /** Connected when it resolves; gone when the test is over. @throws UpgradeRefusal */
  static async open(
    t: TestContext,
    url: string,
    options: FrameClientOptions = {},
  ): Promise<FrameClient> {
    const client = new FrameClient(url, options);
    t.after(() => client.#socket.terminate());
    await withDeadline(client.#opened(), { what: 'the WebSocket is open' });
    return client;
  }

  /** The subprotocol that the gateway selected; empty: none. */
  get subprotocol(): string {
    return this.#socket.protocol;
  }

  send(data: string | Uint8Array): void {
    this.#socket.send(data);
  }

  sendJson(value: unknown): void {
    this.send(JSON.stringify(value));
  }

  /** Writes bytes as they are behind the library's back: frames that it would not send. */
  sendRaw(bytes: Uint8Array): void {
    if (this.#connection === undefined) throw new Error('the WebSocket is not open yet');
    this.#connection.write(bytes);
  }

  /** The next frame, which must be JSON text. */
  async nextJson(): Promise<unknown> {
    return JSON.parse(String(await this.frames.next())) as unknown;
  }

  /** Resolves when the socket is closed, by whomever. */
  closed(): Promise<CloseEvent> {
    return withDeadline(this.#closed, { what: 'the WebSocket is closed' });
  }

  /** Calls when the socket is closed, by whomever and whenever. */
  onClose(listener: (event: CloseEvent) => void): void {
    void this.#closed.then(listener);
  }

  /** Loses the connection without a word. */
  abort(): void {
    this.#socket.terminate();
  }

  /** Closes it and waits for the answer. */
  async close(): Promise<void> {
    this.#socket.close();
    await this.closed();
  }

  #opened(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#socket.once('open', resolve);
      this.#socket.on('error', reject);
      this.#socket.once('unexpected-response', (_request, response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const body = Buffer.concat(chunks).toString('utf8');
          reject(new UpgradeRefusal(response.statusCode ?? 0, body, response.headers));
        });
      });
    });
  }
}
