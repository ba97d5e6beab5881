/**
 * One of several Socket.IO processes that are joined by Redis: WebSocket only, no compression. Each
 * connection joins the room of its `user`, given in the handshake; the event `to` carries a user and
 * data, and that user's room gets the data as `m`, on whichever process it is.
 *
 * Arguments: port, URL of Redis.
 */
import { createServer } from 'node:http';
import { createAdapter } from '@socket.io/redis-adapter';
import { Redis } from 'ioredis';
import { Server } from 'socket.io';

const [port = '', redisUrl = ''] = process.argv.slice(2);
const http = createServer((_request, response) => {
  response.end('ok');
});
const publisher = new Redis(redisUrl);
const subscriber = publisher.duplicate();
const io = new Server(http, {
  adapter: createAdapter(publisher, subscriber),
  transports: ['websocket'],
  perMessageDeflate: false,
  httpCompression: false,
  serveClient: false,
});

io.on('connection', (socket) => {
  const { user } = socket.handshake.query;
  if (typeof user === 'string') void socket.join(`user:${user}`);
  socket.on('to', (receiver: unknown, data: unknown) => {
    if (typeof receiver === 'string') io.to(`user:${receiver}`).emit('m', data);
  });
});

http.listen(Number(port), '127.0.0.1', 4096, () => {
  process.stdout.write(`listening on ${port}\n`);
});
