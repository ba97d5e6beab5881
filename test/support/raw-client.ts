/** A client of a cluster that keeps what it got, and requests to the REST API of a chosen node. */
import { WebSocket } from 'ws';
import { nodeOfConnection } from '../../gateway/router/keys.ts';
import { clientUrl, signClientToken, signServerToken } from '../../gateway/tokens/sign.ts';
import { waitFor, withDeadline } from './wait.ts';

export interface Access {
  readonly url: string;
  readonly accessKey: string;
}

export interface Ack {
  readonly success: boolean;
  readonly error?: { readonly name: string; readonly message: string };
}

export interface RawClientOptions {
  readonly hub: string;
  readonly userId?: string | undefined;
  readonly groups?: readonly string[];
}

const roles = ['webpubsub.joinLeaveGroup', 'webpubsub.sendToGroup'];

interface Frame {
  readonly type: string;
  readonly [field: string]: unknown;
}

export class RawClient {
  readonly connectionId: string;
  readonly userId: string | undefined;
  /** The data of every message, in the order of arrival. */
  readonly data: string[] = [];
  closedWith: string | undefined;
  readonly #socket: WebSocket;
  readonly #acks = new Map<number, (ack: Ack) => void>();
  #ackId = 0;

  private constructor(socket: WebSocket, connectionId: string, userId: string | undefined) {
    this.#socket = socket;
    this.connectionId = connectionId;
    this.userId = userId;
    socket.on('close', (_code, reason) => {
      this.closedWith ??= reason.toString();
    });
  }

  static async connect(access: Access, options: RawClientOptions): Promise<RawClient> {
    const { accessKey, url: endpoint } = access;
    const { groups, hub, userId } = options;
    const token = signClientToken({ accessKey, endpoint, hub, userId, roles, groups });
    const socket = new WebSocket(clientUrl(endpoint, hub, token), 'json.webpubsub.azure.v1');
    const connected = new Promise<RawClient>((resolve, reject) => {
      let client: RawClient | undefined;
      socket.on('error', reject);
      socket.on('message', (data: Buffer) => {
        // What the gateway says is JSON with a type.
        const frame = JSON.parse(data.toString()) as Frame;
        if (client !== undefined) return client.#take(frame);
        client = new RawClient(socket, String(frame['connectionId']), userId);
        resolve(client);
      });
    });
    return withDeadline(connected, { what: 'the client is connected', deadlineMs: 20_000 });
  }

  get nodeId(): string {
    return nodeOfConnection(this.connectionId) ?? '';
  }

  get isOpen(): boolean {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  /** Sends a request and resolves with its ack, whatever it says. */
  ask(request: Readonly<Record<string, unknown>>, deadlineMs = 15_000): Promise<Ack> {
    this.#ackId += 1;
    const ackId = this.#ackId;
    const acked = new Promise<Ack>((resolve) => this.#acks.set(ackId, resolve));
    this.#socket.send(JSON.stringify({ ...request, ackId }));
    return withDeadline(acked, { what: `${String(request['type'])} is acknowledged`, deadlineMs });
  }

  sendToGroup(group: string, data: string, noEcho = false): Promise<Ack> {
    return this.ask({ type: 'sendToGroup', group, data, dataType: 'text', noEcho });
  }

  async waitForData(data: string, deadlineMs = 15_000): Promise<void> {
    const what = `"${data}" arrived at ${this.connectionId}`;
    await waitFor(() => this.data.includes(data), { what, deadlineMs });
  }

  end(): void {
    this.#socket.terminate();
  }

  #take(frame: Frame): void {
    if (frame.type === 'message') this.data.push(String(frame['data']));
    if (frame.type === 'system') this.closedWith = String(frame['message']);
    if (frame.type !== 'ack') return;
    // The ack of a request that this client numbered.
    const ack = frame as unknown as Ack & { readonly ackId: number };
    this.#acks.get(ack.ackId)?.(ack);
    this.#acks.delete(ack.ackId);
  }
}

export interface RestAnswer {
  readonly status: number;
  readonly retryAfter: string | null;
  readonly body: string;
}

/** A request to the data plane; `path` follows `/api/hubs/`. */
export async function request(
  { accessKey, url }: Access,
  method: string,
  path: string,
  body?: string,
): Promise<RestAnswer> {
  const separator = path.includes('?') ? '&' : '?';
  const target = `${url}/api/hubs/${path}${separator}api-version=2024-12-01`;
  const token = signServerToken({ accessKey, url: target });
  const isJson = body?.startsWith('{') === true;
  const response = await fetch(target, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': isJson ? 'application/json' : 'text/plain' }),
    },
    ...(body === undefined ? {} : { body }),
  });
  return {
    status: response.status,
    retryAfter: response.headers.get('retry-after'),
    body: await response.text(),
  };
}
