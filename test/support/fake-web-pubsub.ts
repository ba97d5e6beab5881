/**
 * A Web PubSub that does what a test tells it: it holds acks back, refuses, goes deaf, hangs up.
 * Left alone it joins, leaves, delivers and acknowledges like the service.
 */
import type { AddressInfo } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';

export interface ClientFrame {
  readonly type: string;
  readonly group?: string;
  readonly data?: string;
  readonly ackId?: number;
}

/** What becomes of one frame: nothing at all, or an ack that says so. */
export type Verdict = 'accept' | 'ignore' | { readonly name: string; readonly message: string };

export class FakeWebPubSub {
  /** Frames but pings, with the length of each as text, in the order of their arrival. */
  readonly frames: (ClientFrame & { readonly length: number })[] = [];
  readonly tokens: string[] = [];
  /** Members by group. */
  readonly groups = new Map<string, Set<WebSocket>>();
  judge: (frame: ClientFrame) => Verdict = () => 'accept';
  /** True: acknowledges what is sent to groups, and delivers none of it. */
  isDeaf = false;
  /** The first frame on every connection. */
  greeting = '{"type":"system","event":"connected","userId":null,"connectionId":"c"}';
  readonly #server: WebSocketServer;
  #held: (() => void)[] | undefined;

  private constructor(server: WebSocketServer) {
    this.#server = server;
    server.on('connection', (socket, { url = '' }) => {
      this.tokens.push(new URL(url, 'ws://fake').searchParams.get('access_token') ?? '');
      socket.send(this.greeting);
      socket.on('message', (data: Buffer) => this.#take(socket, data.toString()));
      socket.on('close', () => {
        for (const members of this.groups.values()) members.delete(socket);
      });
    });
  }

  static start(): Promise<FakeWebPubSub> {
    return new Promise((resolve) => {
      const server = new WebSocketServer({ port: 0, host: '127.0.0.1' }, () => {
        resolve(new FakeWebPubSub(server));
      });
    });
  }

  get host(): string {
    // A server that listens on a port has such an address.
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get connectionString(): string {
    return `Endpoint=http://${this.host};AccessKey=${'k'.repeat(40)};Version=1.0;`;
  }

  sent(type: string): readonly (ClientFrame & { readonly length: number })[] {
    return this.frames.filter((frame) => frame.type === type && !frame.group?.startsWith('p.'));
  }

  members(group: string): number {
    return this.groups.get(group)?.size ?? 0;
  }

  /** From now on acks wait until `release`. */
  hold(): void {
    this.#held ??= [];
  }

  /** Sends what was held back, and holds back no more. */
  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const send of held) send();
  }

  /** To every member, as if another client had sent it. */
  deliver(group: string, dataType: string, data: string): void {
    const frame = { type: 'message', from: 'group', group, fromUserId: null, dataType, data };
    for (const member of this.groups.get(group) ?? []) member.send(JSON.stringify(frame));
  }

  hangUp(code: number, reason: string): void {
    for (const socket of this.#server.clients) socket.close(code, reason);
  }

  async stop(): Promise<void> {
    for (const socket of this.#server.clients) socket.terminate();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }

  #take(socket: WebSocket, text: string): void {
    // The client under test is ours; what it sends is looked at field by field.
    const frame = JSON.parse(text) as ClientFrame;
    if (frame.type === 'ping') {
      socket.send('{"type":"pong"}');
      return;
    }
    this.frames.push({ ...frame, length: text.length });
    const verdict = this.judge(frame);
    if (verdict === 'ignore') return;
    if (verdict === 'accept') this.#execute(socket, frame);
    const { ackId } = frame;
    const ack =
      verdict === 'accept' ? { success: true } : { success: false, error: { ...verdict } };
    const send = (): void => socket.send(JSON.stringify({ type: 'ack', ackId, ...ack }));
    if (this.#held === undefined) send();
    else this.#held.push(send);
  }

  #execute(socket: WebSocket, { data = '', group = '', type }: ClientFrame): void {
    const members = this.groups.get(group) ?? new Set<WebSocket>();
    this.groups.set(group, members);
    if (type === 'joinGroup') members.add(socket);
    else if (type === 'leaveGroup') members.delete(socket);
    else if (!this.isDeaf) this.deliver(group, 'binary', data);
  }
}
