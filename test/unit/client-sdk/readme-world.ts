/** The world in which a snippet of the SDK's README runs: a gateway, a backend, and another user. */
import type { TestContext } from 'node:test';
import { WebSocket } from 'ws';
import { createClient, type Client } from '../../../client-sdk/src/index.ts';
import { signClientToken, signServerToken } from '../../../gateway/tokens/sign.ts';
import { startTestGateway, type TestGateway } from '../../support/gateway.ts';

const publicEndpoint = 'http://gateway.example';
const roles = ['webpubsub.joinLeaveGroup', 'webpubsub.sendToGroup', 'trunkline.watchPresence'];

export class ReadmeWorld {
  /** What the snippet printed, a line each. */
  readonly lines: string[] = [];
  /** What it complained of. */
  readonly complaints: string[] = [];
  /** What the backend was sent, by path. */
  readonly received = new Map<string, string>();
  /** What the backend answers, by path. */
  readonly answers = new Map<string, unknown>();
  readonly gateway: TestGateway;
  readonly #clients: Client[] = [];

  constructor(gateway: TestGateway) {
    this.gateway = gateway;
  }

  static async start(t: TestContext): Promise<ReadmeWorld> {
    const gateway = await startTestGateway({
      publicEndpoints: [publicEndpoint],
      hubs: { chat: { streams: [{ match: 'group:room.*', retention: 'short' }] } },
      retention: { short: { messages: 100, seconds: 600, bytes: 1_000_000 } },
    });
    const world = new ReadmeWorld(gateway);
    world.#take(t);
    t.after(async () => {
      for (const client of world.#clients) client.close();
      await gateway.stop();
    });
    return world;
  }

  token(userId: string): string {
    const { accessKey } = this.gateway;
    return signClientToken({ accessKey, endpoint: publicEndpoint, hub: 'chat', userId, roles });
  }

  /** Another user; the snippet's is anna. */
  client(userId: string): Client {
    const client = createClient({
      url: `${this.gateway.wsUrl}/client/hubs/chat`,
      getToken: () => this.token(userId),
      WebSocket,
    });
    this.#clients.push(client);
    return client;
  }

  /** As the application's backend does it by the server API. */
  async sendToAnna(data: unknown): Promise<number> {
    const url = `${publicEndpoint}/api/hubs/chat/users/anna/:send?api-version=2024-12-01`;
    const token = signServerToken({ accessKey: this.gateway.accessKey, url });
    const { status } = await fetch(url.replace(publicEndpoint, this.gateway.url), {
      method: 'POST',
      body: JSON.stringify(data),
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    });
    return status;
  }

  /** The globals of a page: what it prints, its backend, its WebSocket. */
  #take(t: TestContext): void {
    const text = (words: readonly unknown[]): string =>
      words.map((word) => (typeof word === 'string' ? word : JSON.stringify(word))).join(' ');
    t.mock.method(console, 'log', (...words: unknown[]) => this.lines.push(text(words)));
    t.mock.method(console, 'error', (...words: unknown[]) =>
      this.complaints.push(words.map(String).join(' ')),
    );
    const really = globalThis.fetch;
    t.mock.method(globalThis, 'fetch', (input: string, init?: RequestInit) =>
      input.startsWith('/') ? this.#answer(input, init) : really(input, init),
    );
    const given = Object.getOwnPropertyDescriptor(globalThis, 'WebSocket');
    Object.defineProperty(globalThis, 'WebSocket', { value: WebSocket, configurable: true });
    process.env['TOKEN'] = this.token('anna');
    t.after(() => {
      delete process.env['TOKEN'];
      if (given === undefined) Reflect.deleteProperty(globalThis, 'WebSocket');
      else Object.defineProperty(globalThis, 'WebSocket', given);
    });
  }

  #answer(path: string, init: RequestInit | undefined): Promise<Response> {
    if (typeof init?.body === 'string') this.received.set(path, init.body);
    if (path.startsWith('/token')) return Promise.resolve(new Response(this.token('anna')));
    return Promise.resolve(Response.json(this.answers.get(path) ?? null));
  }
}
