/**
 * A small server that shows the playground: the real module for its pages and endpoints, and behind
 * it only as much of the gateway as the page uses, with tokens that are plain text.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';
import { playgroundResponse } from '../../gateway/playground/page.ts';

export interface PlaygroundServer {
  readonly url: string;
  /** Cuts every client connection, as a restart of the gateway would. */
  cutClients(): void;
  stop(): Promise<void>;
}

interface Client {
  readonly socket: WebSocket;
  readonly userId: string;
  readonly groups: Set<string>;
}

interface ClientFrame {
  readonly type: string;
  readonly group: string;
  readonly ackId: number;
  readonly data?: unknown;
}

const context = {
  clientToken: (hub: string, userId: string) => encodeURIComponent(`${hub}/${userId}`),
  serverToken: (path: string) => encodeURIComponent(path),
};

export async function startPlaygroundServer(): Promise<PlaygroundServer> {
  const clients = new Set<Client>();
  const server = createServer((request, response) => {
    answer(request, response, clients);
  });
  const sockets = new WebSocketServer({
    server,
    handleProtocols: () => 'json.webpubsub.azure.v1',
  });
  sockets.on('connection', (socket, request) => {
    const token = new URL(request.url ?? '', 'http://x').searchParams.get('access_token') ?? '';
    // The query was decoded once; the token itself is percent-encoded.
    const userId = token.split('/')[1] ?? '';
    accept({ socket, userId: decodeURIComponent(userId), groups: new Set() }, clients);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  // A server that listens on TCP has an AddressInfo.
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    cutClients: () => {
      for (const { socket } of clients) socket.terminate();
    },
    stop: async () => {
      for (const { socket } of clients) socket.terminate();
      sockets.close();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function answer(request: IncomingMessage, response: ServerResponse, clients: Set<Client>): void {
  const url = new URL(request.url ?? '', 'http://x');
  const page = playgroundResponse(
    {
      method: request.method ?? '',
      path: url.pathname,
      query: url.search.slice(1),
      headers: new Map(
        Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
      ),
      remoteAddress: request.socket.remoteAddress ?? '',
    },
    context,
  );
  if (page !== undefined) {
    response.writeHead(page.status, page.headers).end(page.body);
    return;
  }
  const user = /^\/api\/hubs\/[^/]+\/users\/([^/]+)\/:send$/.exec(url.pathname)?.[1];
  const expected = `Bearer ${encodeURIComponent(url.pathname)}`;
  if (user === undefined || request.headers.authorization !== expected) {
    response.writeHead(user === undefined ? 404 : 401).end();
    return;
  }
  let body = '';
  request.on('data', (chunk: Buffer) => (body += chunk.toString()));
  request.on('end', () => {
    const receivers = [...clients].filter(({ userId }) => userId === decodeURIComponent(user));
    const message = { type: 'message', from: 'server', dataType: 'json', data: asUnknown(body) };
    for (const { socket } of receivers) socket.send(JSON.stringify(message));
    response.writeHead(202).end();
  });
}

function asUnknown(text: string): unknown {
  return JSON.parse(text);
}

function accept(client: Client, clients: Set<Client>): void {
  const { socket, userId, groups } = client;
  clients.add(client);
  socket.on('close', () => clients.delete(client));
  const connectionId = `connection-of-${userId}`;
  socket.send(JSON.stringify({ type: 'system', event: 'connected', userId, connectionId }));
  socket.on('message', (data: Buffer) => {
    // The page is the only client and sends these fields.
    const frame = asUnknown(data.toString()) as ClientFrame;
    const { group, ackId } = frame;
    if (frame.type === 'joinGroup') groups.add(group);
    if (frame.type === 'leaveGroup') groups.delete(group);
    const message = { type: 'message', from: 'group', group, fromUserId: userId };
    const text = JSON.stringify({ ...message, dataType: 'json', data: frame.data });
    socket.send(JSON.stringify({ type: 'ack', ackId, success: true }));
    if (frame.type !== 'sendToGroup') return;
    for (const each of clients) if (each.groups.has(group)) each.socket.send(text);
  });
}
