/** The servers of the jitter test, each with the client that its own project offers. */
import { Centrifuge } from 'centrifuge';
import { io } from 'socket.io-client';
import { WebSocket } from 'ws';
import { createClient } from '../../../client-sdk/src/index.ts';
import {
  clientPath,
  gatewayTarget,
  ownAccessKey,
  streamSettings,
} from '../../micro/gateway-target.ts';
import { compiledPath } from '../../micro/paths.ts';
import { wsTarget } from '../ws-target.ts';
import { centrifugoCommand, centrifugoToken } from '../centrifugo-target.ts';
import {
  reconnectMs,
  type JitterClient,
  type JitterTarget,
  type RunningClient,
} from './jitter-target.ts';

const retained = 10_000;
const group = 'stream0';
const recoveryMs = 120_000;

const gateway: JitterTarget = {
  name: 'gateway',
  recovers: 'a stream, its own SDK',
  command: (port) =>
    gatewayTarget({
      name: 'gateway-jitter',
      protocol: 'trunkline.v1.json',
      group,
      noEcho: false,
      settings: streamSettings,
    }).command(port, false),
  client: ({ address, number, onText, port, serverPort }) => {
    const userId = `user${String(number)}`;
    const path = clientPath({ port: serverPort, accessKey: ownAccessKey, userId });
    const token = new URLSearchParams(path.slice(path.indexOf('?'))).get('access_token') ?? '';
    const client = createClient({
      url: `ws://${address}:${String(port)}${path.slice(0, path.indexOf('?'))}`,
      getToken: () => token,
      WebSocket,
      backoffBaseMs: reconnectMs.min,
      backoffCapMs: reconnectMs.max,
    });
    const stream = client.group(group);
    stream.on('message', ({ data }) => onText(String(data)));
    const ready = new Promise<void>((resolve) => {
      stream.on('state', ({ state }) => {
        if (state === 'live') resolve();
      });
    });
    return { ready, close: () => client.close() };
  },
  publisher: (port) => ({
    path: clientPath({ port, accessKey: ownAccessKey, userId: 'publisher' }),
    protocol: 'trunkline.v1.json',
    readyText: '"event":"connected"',
    frame: `{"type":"sendToGroup","group":"${group}","dataType":"json","data":"{payload}"}`,
  }),
};

function socketIo(name: string, recovers: boolean): JitterTarget {
  return {
    name,
    recovers: recovers ? 'connection state recovery' : 'nothing',
    command: (port) => ({
      name,
      port,
      inspect: false,
      args: [
        compiledPath('servers/socketio-server.js'),
        String(port),
        String(recovers ? recoveryMs : 0),
      ],
    }),
    client: ({ address, onText, port }) => {
      const socket = io(`http://${address}:${String(port)}`, {
        transports: ['websocket'],
        query: { role: 'sub', group: 'g0' },
        reconnectionDelay: reconnectMs.min,
        reconnectionDelayMax: reconnectMs.max,
        forceNew: true,
      });
      socket.on('m', onText);
      const ready = new Promise<void>((resolve) => {
        socket.once('connect', resolve);
      });
      return { ready, close: () => socket.disconnect() };
    },
    publisher: () => ({
      path: '/socket.io/?EIO=4&transport=websocket&role=pub&group=g0',
      isSocketIo: true,
      readyText: '40{',
      frame: '42["m","{payload}"]',
    }),
  };
}

const centrifugo: JitterTarget = {
  name: 'centrifugo',
  recovers: 'history and recovery, centrifuge-js',
  command: (port) => centrifugoCommand('engine', { port, retained }),
  client: ({ address, number, onText, port }) => {
    const client = new Centrifuge(`ws://${address}:${String(port)}/connection/websocket`, {
      token: centrifugoToken(`user${String(number)}`),
      websocket: WebSocket,
      minReconnectDelay: reconnectMs.min,
      maxReconnectDelay: reconnectMs.max,
    });
    const channel = client.newSubscription('g0');
    channel.on('publication', ({ data }) => onText(String(data)));
    const ready = new Promise<void>((resolve) => {
      channel.on('subscribed', () => resolve());
    });
    channel.subscribe();
    client.connect();
    return { ready, close: () => client.disconnect() };
  },
  publisher: () => ({
    path: '/connection/websocket',
    first: `{"id":1,"connect":{"token":"${centrifugoToken('publisher')}"}}`,
    readyText: '"connect":{',
    frame: '{"id":3,"publish":{"channel":"g0","data":"{payload}"}}',
  }),
};

const ws: JitterTarget = {
  name: 'ws',
  recovers: 'nothing',
  command: (port) => wsTarget.command(port, false),
  client: reconnectingSocket,
  publisher: () => ({ path: '/pub?room=g0', readyText: '"joined"', frame: '{payload}' }),
};

/** `ws` has no client that comes back: the loop that everybody writes. */
function reconnectingSocket({ address, onText, port }: JitterClient): RunningClient {
  let timer: NodeJS.Timeout | undefined;
  let socket: WebSocket;
  let isClosed = false;
  const ready = new Promise<void>((resolve) => {
    const open = (): void => {
      socket = new WebSocket(`ws://${address}:${String(port)}/sub?room=g0`);
      socket.on('message', (data: Buffer) => {
        const text = data.toString();
        if (text.includes('"joined"')) resolve();
        else onText(text);
      });
      // "close" follows.
      socket.on('error', () => undefined);
      socket.on('close', () => {
        const { min, max } = reconnectMs;
        if (!isClosed) timer = setTimeout(open, min + Math.random() * (max - min));
      });
    };
    open();
  });
  const close = (): void => {
    isClosed = true;
    clearTimeout(timer);
    socket.terminate();
  };
  return { ready, close };
}

export const jitterTargets: readonly JitterTarget[] = [
  gateway,
  centrifugo,
  socketIo('socket.io', false),
  socketIo('socket.io-recovery', true),
  ws,
];
