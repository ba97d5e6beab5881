/**
 * What many write by hand: the package `ws`, a set of sockets per room, and with a URL of Redis the
 * package ioredis between processes. A connection to `/sub?room=R` gets what is sent to room R, one to
 * `/pub?room=R` sends to it; one to `/to` sends `{"to": room, "data": text}`.
 *
 * Arguments: port; URL of Redis, or nothing for one process alone.
 */
import { createServer } from 'node:http';
import { Redis } from 'ioredis';
import { WebSocketServer, type WebSocket } from 'ws';

interface Addressed {
  readonly to: string;
  readonly data: string;
}

const [port = '', redisUrl = ''] = process.argv.slice(2);
const rooms = new Map<string, Set<WebSocket>>();
const publisher = redisUrl === '' ? undefined : new Redis(redisUrl);
const subscriber = publisher?.duplicate();
const http = createServer((_request, response) => {
  response.end('ok');
});
const server = new WebSocketServer({
  server: http,
  perMessageDeflate: false,
  maxPayload: 16 * 1024 * 1024,
});

function deliver(room: string, data: string): void {
  for (const socket of rooms.get(room) ?? []) {
    if (socket.readyState === socket.OPEN) socket.send(data);
  }
}

function publish(room: string, data: string): void {
  if (publisher === undefined) deliver(room, data);
  else void publisher.publish(room, data);
}

async function join(room: string, socket: WebSocket): Promise<void> {
  const members = rooms.get(room) ?? new Set<WebSocket>();
  members.add(socket);
  if (members.size === 1) {
    rooms.set(room, members);
    await subscriber?.subscribe(room);
  }
  socket.once('close', () => {
    members.delete(socket);
    if (members.size > 0 || rooms.get(room) !== members) return;
    rooms.delete(room);
    void subscriber?.unsubscribe(room);
  });
  socket.send('{"type":"joined"}');
}

subscriber?.on('message', deliver);
server.on('connection', (socket, request) => {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
  const room = searchParams.get('room') ?? 'r';
  if (pathname === '/sub') {
    void join(room, socket);
    return;
  }
  // Senders wait for it as readers do.
  socket.send('{"type":"joined"}');
  socket.on('message', (message: Buffer) => {
    const text = message.toString();
    if (pathname !== '/to') {
      publish(room, text);
      return;
    }
    // The border to the load generator, which sends exactly this.
    const { to, data } = JSON.parse(text) as Addressed;
    publish(to, data);
  });
});

http.listen(Number(port), '127.0.0.1', 4096, () => {
  process.stdout.write(`listening on ${port}\n`);
});
