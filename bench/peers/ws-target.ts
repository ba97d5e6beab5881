/** The package `ws` as a server under test: alone, and two processes that ioredis joins. */
import { ChildServer, findPort, type ServerCommand } from '../micro/child-server.ts';
import type { CrossTarget } from '../micro/cross/target.ts';
import { compiledPath } from '../micro/paths.ts';
import { nothingToDispose, type Target } from '../micro/target.ts';
import { startPair } from './pair.ts';

export const wsTarget: Target = {
  name: 'ws',
  hasMetrics: false,
  command: (port, inspect) => ({ ...commandOf(port, []), inspect }),
  clients: ({ groupSize }) => ({
    dispose: nothingToDispose,
    options: {
      groupSize,
      ready: '"joined"',
      path: '/sub?room=g{d}',
      publisherPath: '/pub?room=g0',
      message: '{payload}',
    },
  }),
};

export const wsPair: CrossTarget = {
  name: 'ws-redis',
  start: async () =>
    await startPair('redis', async ({ url }) => await startServer(url), {
      ready: '"joined"',
      path: '/sub?room=receiver{i}',
      publisherPath: '/to',
      message: '{"to":"receiver{i}","data":"{payload}"}',
    }),
};

function commandOf(port: number, more: readonly string[]): ServerCommand {
  const file = compiledPath('../peers/servers/ws-server.js');
  return { name: 'ws', port, inspect: false, args: [file, String(port), ...more] };
}

async function startServer(redisUrl: string): Promise<ChildServer> {
  return await ChildServer.start(commandOf(await findPort(), [redisUrl]));
}
