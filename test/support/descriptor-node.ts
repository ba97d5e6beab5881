/**
 * A process of its own that serves the transport until it is ended: run under a small limit of
 * file descriptors. Prints its port, answers /healthz, echoes frames.
 */
import { defaultLimits } from '../../gateway/limits.ts';
import type { Socket } from '../../gateway/transport/transport.ts';
import { UwsServer } from '../../gateway/transport/uws-server.ts';

const server = new UwsServer(
  {
    host: '127.0.0.1',
    port: 0,
    limits: { ...defaultLimits, fileDescriptorsReserved: 64 },
    onError: (error) => {
      process.stderr.write(`${String(error)}\n`);
    },
  },
  {
    isWebSocketPath: (path) => path === '/client',
    onUpgrade: () => {
      let socket: Socket | undefined;
      return {
        subprotocol: undefined,
        accept: {
          onOpen: (opened) => {
            socket = opened;
          },
          onFrame: (bytes, isBinary) => {
            socket?.send({ bytes, isBinary });
          },
          onOversize: () => {},
          onDrain: () => {},
          onClose: () => {},
        },
      };
    },
    onHeaders: () => undefined,
    onRequest: ({ path }) => {
      if (path === '/healthz') return { status: 200, body: 'alive' };
      const { user, system } = process.cpuUsage();
      return { status: 200, body: JSON.stringify({ ...server.counters, cpu: user + system }) };
    },
  },
);
const { port } = await server.start();
process.stdout.write(`${port}\n`);
