/** The servers under test: how each is started, and what the generator must say to it. */
import { centrifugoTarget } from '../peers/centrifugo-target.ts';
import { wsTarget } from '../peers/ws-target.ts';
import { gatewayTarget } from './gateway-target.ts';
import { compiledPath } from './paths.ts';
import { nothingToDispose, type Target } from './target.ts';

export const targetNames = [
  'gateway',
  'topics',
  'topics-deferred',
  'socket.io',
  'ws',
  'centrifugo',
  'centrifugo-whole',
] as const;
export type TargetName = (typeof targetNames)[number];

/** Those that need nothing but this project's packages. */
export const usualTargets = ['gateway', 'topics', 'topics-deferred', 'socket.io'] as const;

function topics(name: string, mode: 'direct' | 'deferred'): Target {
  return {
    name,
    hasMetrics: false,
    command: (port, inspect) => ({
      name,
      port,
      inspect,
      args: [compiledPath('servers/topics-server.js'), String(port), mode],
    }),
    clients: ({ groupSize }) => ({
      dispose: nothingToDispose,
      options: {
        groupSize,
        path: '/sub?group=g{d}&user=user{i}',
        publisherPath: '/pub?group=g0',
        message: '{payload}',
      },
    }),
  };
}

const socketIo: Target = {
  name: 'socket.io',
  hasMetrics: false,
  command: (port, inspect) => ({
    name: 'socket.io',
    port,
    inspect,
    args: [compiledPath('servers/socketio-server.js'), String(port)],
  }),
  clients: ({ groupSize }) => ({
    dispose: nothingToDispose,
    options: {
      groupSize,
      socketIo: true,
      ready: '40{',
      fail: '44{',
      path: '/socket.io/?EIO=4&transport=websocket&role=sub&group=g{d}&user=user{i}',
      publisherPath: '/socket.io/?EIO=4&transport=websocket&role=pub&group=g0',
      message: '42["m","{payload}"]',
    },
  }),
};

const targets: readonly Target[] = [
  gatewayTarget({
    name: 'gateway',
    protocol: 'json.webpubsub.azure.v1',
    group: 'g{d}',
    noEcho: true,
  }),
  topics('topics', 'direct'),
  topics('topics-deferred', 'deferred'),
  socketIo,
  wsTarget,
  centrifugoTarget('engine'),
  centrifugoTarget('whole'),
];

/** The targets of these names, in the order of the names. */
export function chooseTargets(names: readonly TargetName[]): readonly Target[] {
  return names.flatMap((name) => targets.filter((target) => target.name === name));
}
