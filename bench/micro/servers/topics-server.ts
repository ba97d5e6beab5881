/**
 * The yardstick: bare uWebSockets.js topics. A connection to `/sub?group=G` gets what is sent by
 * connections to `/pub?group=G`; nothing else exists here, no token, no codec, no session.
 *
 * Arguments: port; `direct` or `deferred`; the bytes that may wait for one reader (0: no bound).
 * `direct` publishes inside the message handler, as the examples do. There the publisher's own
 * socket is corked, so that a subscriber's 33rd message of one turn is written without a cork, and
 * all that follow one by one. `deferred` publishes after the turn's reads, when nothing is corked:
 * the best that topics can do.
 */
import { loadUws } from '../../../gateway/transport/load-uws.ts';

interface Reader {
  readonly group: string;
  readonly user: string;
  readonly isPublisher: boolean;
}

interface Inbound {
  readonly group: string;
  readonly bytes: Uint8Array;
  readonly isBinary: boolean;
}

const port = Number(process.argv[2]);
const isDeferred = process.argv[3] === 'deferred';
const bufferBytesMax = Number(process.argv[4] ?? 0);
const uws = loadUws({ headerBytesMax: 8192 });
const app = uws.App();
let inbox: Inbound[] = [];

function publishInbox(): void {
  const turn = inbox;
  inbox = [];
  for (const { group, bytes, isBinary } of turn) app.publish(group, bytes, isBinary);
}

app.ws<Reader>('/*', {
  compression: uws.DISABLED,
  maxPayloadLength: 16 * 1024 * 1024,
  maxBackpressure: bufferBytesMax,
  idleTimeout: 32,
  upgrade: (response, request, context) => {
    const reader: Reader = {
      group: request.getQuery('group') ?? 'g',
      user: request.getQuery('user') ?? '',
      isPublisher: request.getUrl() === '/pub',
    };
    const key = request.getHeader('sec-websocket-key');
    const protocol = request.getHeader('sec-websocket-protocol');
    const extensions = request.getHeader('sec-websocket-extensions');
    response.upgrade<Reader>(reader, key, protocol, extensions, context);
  },
  open: (socket) => {
    const { group, isPublisher } = socket.getUserData();
    if (!isPublisher) socket.subscribe(group);
  },
  message: (socket, message, isBinary) => {
    const { group } = socket.getUserData();
    if (!isDeferred) {
      app.publish(group, message, isBinary);
      return;
    }
    inbox.push({ group, bytes: new Uint8Array(message.slice(0)), isBinary });
    if (inbox.length === 1) setImmediate(publishInbox);
  },
});

app.get('/healthz', (response) => {
  response.end('ok');
});

app.listen('127.0.0.1', port, (token) => {
  if (token === false) {
    process.stderr.write(`topics-server: port ${String(port)} is taken\n`);
    process.exit(1);
  }
  process.stdout.write(`listening on ${String(port)}\n`);
});
