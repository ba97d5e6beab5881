/** The world of a client under test: time that is moved by hand, sockets that a test answers. */
import { setImmediate as turn } from 'node:timers/promises';
import { createClient, type Client } from '../../../client-sdk/src/client.ts';
import type {
  Clock,
  Environment,
  SocketEvent,
  SocketLike,
  WakeReason,
} from '../../../client-sdk/src/environment.ts';
import type { TrunklineError } from '../../../client-sdk/src/errors.ts';
import type { ClientOptions } from '../../../client-sdk/src/options.ts';

export type Frame = Readonly<Record<string, unknown>>;

export class FakeClock implements Clock {
  #nowMs = 0;
  readonly #timers = new Set<{ readonly dueMs: number; readonly callback: () => void }>();

  nowMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { dueMs: this.#nowMs + delayMs, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Timers that have not run. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Lets time pass; what becomes due runs in order, with all that follows from it. */
  async pass(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    await turn();
    for (;;) {
      const [next] = [...this.#timers].sort((a, b) => a.dueMs - b.dueMs);
      if (next === undefined || next.dueMs > untilMs) break;
      this.#timers.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      next.callback();
      await turn();
    }
    this.#nowMs = untilMs;
  }
}

type Listener = (event: SocketEvent) => void;

export class FakeSocket implements SocketLike {
  readonly url: string;
  readonly sent: Frame[] = [];
  /** The code with which the client closed it. */
  closedWith: number | undefined;
  isOver = false;
  readonly #listeners = new Map<string, Listener>();

  constructor(url: string) {
    this.url = url;
  }

  get token(): string | null {
    return new URL(this.url).searchParams.get('access_token');
  }

  addEventListener(type: 'message' | 'close' | 'error', listener: Listener): void {
    this.#listeners.set(type, listener);
  }

  send(text: string): void {
    // The client sends objects.
    this.sent.push(...text.split('\n').map((line) => JSON.parse(line) as Frame));
  }

  close(code = 1005): void {
    this.closedWith = code;
    this.isOver = true;
  }

  /** The gateway says something; nothing arrives once the socket is closed. */
  say(...frames: readonly Frame[]): void {
    this.sayText(frames.map((frame) => JSON.stringify(frame)).join('\n'));
  }

  /** The same, for what may be no object. */
  sayText(data: string): void {
    if (!this.isOver) this.#fire('message', { data });
  }

  greet(greeting: Frame = {}): void {
    const connected = { type: 'system', event: 'connected', userId: 'anna', connectionId: 'c' };
    this.say({ ...connected, heartbeatMs: 10_000, streams: [], ...greeting });
  }

  /** The other side, or the network, closes it. */
  shut(code = 1006, reason = ''): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#fire('close', { code, reason });
  }

  /** What was sent of this type. */
  of(type: string): readonly Frame[] {
    return this.sent.filter((frame) => frame['type'] === type);
  }

  /** Answers the last request of this type. */
  answer(type: string, answer: Frame = {}): void {
    const ackId = this.of(type).at(-1)?.['ackId'];
    this.say({ type: 'ack', ackId, success: true, ...answer });
  }

  refuse(type: string, name: string): void {
    this.answer(type, { success: false, error: { name, message: `${name}!` } });
  }

  #fire(type: string, event: SocketEvent): void {
    this.#listeners.get(type)?.(event);
  }
}

export class FakeWorld {
  readonly clock = new FakeClock();
  readonly sockets: FakeSocket[] = [];
  readonly reasons: string[] = [];
  readonly wakes = new Set<(reason: WakeReason) => void>();
  readonly environment: Environment;
  /** What the next tokens are; a token may be an error, or one that never comes. */
  token: () => Promise<string> = () => Promise.resolve('token');
  chance: () => number = () => 0.5;
  #ids = 0;

  constructor() {
    const { clock, sockets, wakes } = this;
    this.environment = {
      clock,
      random: () => this.chance(),
      randomId: () => `id${(this.#ids += 1)}`,
      WebSocket: class extends FakeSocket {
        constructor(url: string) {
          super(url);
          sockets.push(this);
        }
      },
      onWake: (callback) => {
        wakes.add(callback);
        return () => wakes.delete(callback);
      },
    };
  }

  /** The newest socket. */
  get socket(): FakeSocket {
    const socket = this.sockets.at(-1);
    if (socket === undefined) throw new Error('no socket was opened');
    return socket;
  }

  wake(reason: WakeReason): void {
    for (const callback of this.wakes) callback(reason);
  }

  client(options: Partial<ClientOptions> = {}): Client {
    return createClient({
      url: 'wss://gateway.example/client/hubs/chat',
      getToken: ({ reason }) => {
        this.reasons.push(reason);
        return this.token();
      },
      environment: this.environment,
      ...options,
    });
  }

  /** A client whose first connection is served, and what it reported. */
  async connected(
    greeting: Frame = {},
    options: Partial<ClientOptions> = {},
  ): Promise<{ client: Client; socket: FakeSocket; errors: TrunklineError[] }> {
    const client = this.client(options);
    const errors: TrunklineError[] = [];
    client.on('error', (error) => errors.push(error));
    await this.clock.pass(0);
    this.socket.greet(greeting);
    return { client, socket: this.socket, errors };
  }
}

/** `epoch` e, unless another one is given. */
export function place(offset: number, epoch = 'e'): Frame {
  return { epoch, offset, tag: offset };
}

/** A message of the stream `g`, after the one before it. */
export function streamed(offset: number, prev = offset - 1, data: unknown = offset): Frame {
  const link = { id: `m${offset}`, offset, prev, tag: offset, time: 1 };
  return { type: 'message', from: 'group', group: 'g', fromUserId: 'ben', ...link, data };
}
