/**
 * The rival that most people know: Socket.IO, WebSocket only, without compression. A connection
 * with `role=sub` joins the room of its `group`; what one with `role=pub` emits goes to that room.
 * The room comes with the handshake: an event before the namespace answers would close the socket.
 *
 * Arguments: port; for how many ms the state of a lost connection is kept (0 or nothing: it is not).
 */
import { createServer } from 'node:http';
import { Server } from 'socket.io';

const port = Number(process.argv[2]);
const recoveryMs = Number(process.argv[3] ?? 0);
const http = createServer((_request, response) => {
  response.end('ok');
});
const io = new Server(http, {
  transports: ['websocket'],
  perMessageDeflate: false,
  httpCompression: false,
  serveClient: false,
  maxHttpBufferSize: 16 * 1024 * 1024,
  ...(recoveryMs > 0 ? { connectionStateRecovery: { maxDisconnectionDuration: recoveryMs } } : {}),
});

io.on('connection', (socket) => {
  const { role, group } = socket.handshake.query;
  const room = typeof group === 'string' ? group : 'g';
  if (role === 'pub') {
    socket.on('m', (data: unknown) => {
      io.to(room).emit('m', data);
    });
  } else {
    void socket.join(room);
  }
});

http.listen(port, '127.0.0.1', 4096, () => {
  process.stdout.write(`listening on ${String(port)}\n`);
});
