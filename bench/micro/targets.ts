/** The servers under test: how each is started, and what the generator must say to it. */
import type { ServerCommand } from './child-server.ts';
import type { GeneratorOptions } from './generator.ts';
import { gatewayTarget } from './gateway-target.ts';
import { compiledPath } from './paths.ts';

export const targetNames = ['gateway', 'topics', 'topics-deferred', 'socket.io'] as const;
export type TargetName = (typeof targetNames)[number];

export interface Clients {
  readonly port: number;
  readonly connections: number;
  /** Members of one group; the generator numbers groups from 0. */
  readonly groupSize: number;
  /** False: the connections only connect. */
  readonly join: boolean;
}

export interface PreparedClients {
  readonly options: GeneratorOptions;
  /** Removes what was written for these clients. */
  readonly dispose: () => void;
}

export interface Target {
  readonly name: string;
  readonly command: (port: number, inspect: boolean) => ServerCommand;
  /** Options that make the generator's connections members and its publishers publish. */
  readonly clients: (clients: Clients) => PreparedClients;
  /** True when `/metrics` says how many writes there were. */
  readonly hasMetrics: boolean;
}

function nothingToDispose(): void {
  // These clients have no file.
}

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
];

/** The targets of these names, in the order of the names. */
export function chooseTargets(names: readonly TargetName[]): readonly Target[] {
  return names.flatMap((name) => targets.filter((target) => target.name === name));
}
